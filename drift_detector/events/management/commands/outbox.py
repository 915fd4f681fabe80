from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from drift_detector.events import selectors
from drift_detector.events.models import PARTITIONS
from drift_detector.events.outbox import requeue
from drift_detector.events.partitions import partition_owners
from drift_detector.events.selectors import Lag
from drift_detector.tenancy.rls import RELAY


class Command(BaseCommand):
    help = (
        "Show how far the relay is behind, list what it gave up, or have that published after all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="{dead,requeue}")
        actions.add_parser("dead", help="list the events that were given up, and why")
        again = actions.add_parser("requeue", help="let the relay try events again that it gave up")
        again.add_argument("event_ids", nargs="*", type=UUID, metavar="EVENT_ID")
        again.add_argument("--all", action="store_true", help="every one of them")

    def handle(self, *args: Any, action: str | None, **options: Any) -> None:
        _require_role()
        if action == "dead":
            self._list_dead()
        elif action == "requeue":
            self._requeue(options["event_ids"], options["all"])
        else:
            self._show_lag()

    def _show_lag(self) -> None:
        topics, partitions = selectors.get_lag("topic"), selectors.get_lag("partition")
        waiting, dead = (
            sum(getattr(each, name) for each in topics) for name in ("waiting", "dead")
        )
        self.stdout.write(f"{waiting} waiting, {_age(topics)} the oldest; {dead} dead")
        rows = [[*_lag_row(each), each.put_off, each.reason] for each in topics]
        self._table(["TOPIC", "WAITING", "OLDEST", "DEAD", "PUT OFF", "REASON"], rows)
        self.stdout.write("")
        lags, owners = {each.group: each for each in partitions}, partition_owners()
        rows = [
            [*_lag_row(lags.get(number, Lag(number))), owners.get(number, "nobody")]
            for number in range(PARTITIONS)
        ]
        self._table(["PARTITION", "WAITING", "OLDEST", "DEAD", "RELAY'S SESSION"], rows)

    def _list_dead(self) -> None:
        rows = [
            [
                event.event_id,
                event.topic,
                event.key,
                event.seq,
                f"{event.dead_at:%Y-%m-%dT%H:%M:%SZ}",
                event.last_error,
            ]
            for event in selectors.list_dead()
        ]
        self._table(["EVENT", "TOPIC", "KEY", "SEQ", "DEAD SINCE", "REASON"], rows)

    def _requeue(self, event_ids: Sequence[UUID], is_all: bool) -> None:
        if bool(event_ids) == is_all:
            raise CommandError("Name events that are dead, or say --all.")
        done = requeue(None if is_all else event_ids)
        self.stdout.write(f"{done} requeued")
        if done < len(set(event_ids)):
            raise CommandError(f"{len(set(event_ids)) - done} of these are not dead.")

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        lines = [head, *([str(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            self.stdout.write(
                "  ".join(
                    f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)
                ).rstrip()
            )


def _require_role() -> None:
    """Under row-level security any other role would see an empty outbox, as if all were well."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_has_role(current_user, %s, 'MEMBER')", [RELAY])
        name, is_relay = cursor.fetchone()
    if not is_relay:
        raise CommandError(
            f"{name} can't see the outbox of all tenants; connect as the relay's role."
        )


def _lag_row(lag: Lag) -> list[str | int]:
    return [lag.group, lag.waiting, _age([lag]), lag.dead]


def _age(lags: Sequence[Lag]) -> str:
    written: list[datetime] = [lag.oldest for lag in lags if lag.oldest is not None]
    return f"{(timezone.now() - min(written)).total_seconds():.0f} s" if written else "-"
