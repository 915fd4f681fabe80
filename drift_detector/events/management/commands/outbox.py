"""`manage.py outbox`: shows the lag of the relay and its dead-lettered events, and requeues them."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from drift_detector.events import selectors
from drift_detector.events.models import PARTITIONS, OutboxEvent
from drift_detector.events.outbox import requeue
from drift_detector.events.partitions import partition_owners
from drift_detector.events.selectors import Lag
from drift_detector.tenancy.rls import RELAY


class Command(BaseCommand):
    help = "Show how far the relay is behind, list dead-lettered events, or requeue them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="{dead,requeue}")
        actions.add_parser("dead", help="list the dead-lettered events and their reasons")
        again = actions.add_parser(
            "requeue", help="let the relay publish dead-lettered events again"
        )
        again.add_argument("event_ids", nargs="*", type=UUID, metavar="EVENT_ID")
        again.add_argument("--all", action="store_true", help="all dead-lettered events")

    def handle(self, *args: Any, action: str | None, **options: Any) -> None:
        _require_role()
        if action == "dead":
            self._list_dead()
        elif action == "requeue":
            self._requeue(options["event_ids"], options["all"])
        else:
            self._show_lag()

    def _show_lag(self) -> None:
        topics = selectors.get_lag("topic")
        waiting = sum(each.waiting for each in topics)
        dead = sum(each.dead for each in topics)
        self.stdout.write(f"{waiting} waiting, {_age(topics)} the oldest; {dead} dead")
        self._show_topics(topics)
        self.stdout.write("")
        self._show_partitions(selectors.get_lag("partition"))

    def _show_topics(self, topics: Sequence[Lag]) -> None:
        rows = [[*_lag_row(each), each.put_off, each.reason] for each in topics]
        self._table(["TOPIC", "WAITING", "OLDEST", "DEAD", "PUT OFF", "REASON"], rows)

    def _show_partitions(self, partitions: Sequence[Lag]) -> None:
        lags = {each.group: each for each in partitions}
        owners = partition_owners()
        rows = [
            [*_lag_row(lags.get(number, Lag(number))), owners.get(number, "nobody")]
            for number in range(PARTITIONS)
        ]
        self._table(["PARTITION", "WAITING", "OLDEST", "DEAD", "RELAY'S SESSION"], rows)

    def _list_dead(self) -> None:
        rows = [_dead_row(event) for event in selectors.list_dead()]
        self._table(["EVENT", "TOPIC", "KEY", "SEQ", "DEAD SINCE", "REASON"], rows)

    def _requeue(self, event_ids: Sequence[UUID], is_all: bool) -> None:
        if bool(event_ids) == is_all:
            raise CommandError("outbox requeue needs the ids of dead-lettered events, or --all.")
        requeued = requeue(None if is_all else event_ids)
        self.stdout.write(f"{requeued} requeued")
        not_dead = len(set(event_ids)) - requeued
        if not_dead > 0:
            raise CommandError(f"{not_dead} of these are not dead-lettered.")

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        lines = [head, *(list(map(str, row)) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = map(str.ljust, line, widths)
            self.stdout.write("  ".join(cells).rstrip())


def _require_role() -> None:
    """Refuse other roles: under row-level security the outbox would look empty to them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_has_role(current_user, %s, 'MEMBER')", [RELAY])
        name, is_relay = cursor.fetchone()
    if not is_relay:
        raise CommandError(
            f"{name} cannot see the outbox of all tenants; the command needs the relay's role."
        )


def _lag_row(lag: Lag) -> list[str | int]:
    return [lag.group, lag.waiting, _age([lag]), lag.dead]


def _dead_row(event: OutboxEvent) -> list[Any]:
    dead_since = f"{event.dead_at:%Y-%m-%dT%H:%M:%SZ}"
    return [event.event_id, event.topic, event.key, event.seq, dead_since, event.last_error]


def _age(lags: Sequence[Lag]) -> str:
    written: list[datetime] = [lag.oldest for lag in lags if lag.oldest is not None]
    return f"{(timezone.now() - min(written)).total_seconds():.0f} s" if written else "-"
