"""Plans of notifications; the pure part, with routes that are not saved."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.models import AlertEvent, Route
from alerts.notifier.plans import due_after
from alerts.notifier.sender import rest_after
from alerts.notifier.texts import topic_of

EVENING = datetime(2026, 1, 10, 23, tzinfo=UTC)
MORNING = datetime(2026, 1, 11, 7, tzinfo=UTC)


def route(**fields: Any) -> Route:
    values: dict[str, Any] = {"quiet_from": time(22), "quiet_until": time(7), "timezone": "UTC"}
    return Route(id=uuid4(), tenant_id=UUID(int=1), **values | fields)


@pytest.mark.parametrize(
    ("severity", "fields", "due"),
    [
        ("warning", {}, MORNING),
        ("critical", {}, EVENING),
        ("critical", {"quiet_for_critical": True}, MORNING),
        ("warning", {"quiet_from": None, "quiet_until": None}, EVENING),
    ],
)
def test_due_after__quiet_hours__delay_all_but_critical(
    severity: str, fields: dict[str, Any], due: datetime
) -> None:
    assert due_after(route(**fields), EVENING, severity) == due


def test_due_after__no_route__is_at_once() -> None:
    assert due_after(None, EVENING, "warning") == EVENING


@pytest.mark.parametrize(
    ("kind", "events", "topic"),
    [
        ("alert", ["opened"], "alert.raised"),
        ("alert", ["opened", "worsened"], "alert.raised"),
        ("alert", ["worsened"], "alert.worsened"),
        ("resolved", ["opened", "resolved"], "alert.resolved"),
        ("update", ["acknowledged"], "alert.acknowledged"),
        ("update", ["acknowledged", "commented"], "alert.changed"),
        ("repeat", ["opened"], "alert.repeated"),
        ("summary", ["opened"], "summary"),
    ],
)
def test_topic_of__kind_and_events__is_what_people_read(
    kind: str, events: list[str], topic: str
) -> None:
    assert topic_of(kind, [AlertEvent(kind=each) for each in events]) == topic


def test_rest_after__attempts__doubles_up_to_an_hour() -> None:
    rests = [rest_after(attempt) for attempt in (1, 2, 3, 20, 1000)]
    assert rests[:3] == [timedelta(seconds=each) for each in (15, 30, 60)]
    assert rests[3:] == [timedelta(hours=1)] * 2
