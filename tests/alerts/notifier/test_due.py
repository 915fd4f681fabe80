"""A long queue: what finding the next notification reads of the database."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from alerts.models import Channel, Notification
from alerts.notifier.due import due_notifications

WAITING = 1500
PER_ALERT = 6
PAGES_OF_A_ROW = 10


@pytest.fixture
def queue(channel: Channel) -> Iterator[list[UUID]]:
    """Notifications of one channel that are due, six for each alert, oldest first."""
    begin = timezone.now() - timedelta(hours=1)
    rows = [
        Notification(
            tenant_id=channel.tenant_id, channel=channel, alert_id=UUID(int=1 + number // PER_ALERT),
            kind="alert", severity="warning", due_at=begin + timedelta(seconds=number),
        )
        for number in range(WAITING)
    ]  # fmt: skip
    made = Notification.objects.bulk_create(rows)
    for each in made:
        each.created_at = each.due_at
    Notification.objects.bulk_update(made, ["created_at"])
    yield [each.id for each in made]
    Notification.objects.all().delete()  # their alerts are none


def pages_of(query: QuerySet[Any]) -> int:
    """The pages that PostgreSQL reads for a query."""
    (plan,) = json.loads(query.explain(format="json", analyze=True, buffers=True))
    found = plan["Plan"]
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])


def test_due__long_queue__the_next_is_found_by_an_index(
    channel: Channel, queue: list[UUID]
) -> None:
    due = due_notifications().filter(channel_id=channel.id).order_by("due_at", "created_at")
    assert due.values_list("id", flat=True).first() == queue[0]
    assert pages_of(due.values_list("id", flat=True)[:1]) <= PAGES_OF_A_ROW


def test_due__long_queue__each_row_is_looked_at_once(queue: list[UUID]) -> None:
    due = due_notifications()
    assert set(due.values_list("id", flat=True)) == set(queue[::PER_ALERT])
    assert pages_of(due) <= PAGES_OF_A_ROW * WAITING
