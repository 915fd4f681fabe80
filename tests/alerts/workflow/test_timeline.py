from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from alerts.models import Alert, AlertEvent, AlertRun
from alerts.workflow import services
from tests.factories import make_run

ALERTS = "/api/v1/alerts"


@pytest.fixture
def long(alert: Alert) -> Alert:
    """Ten comments and ten runs by turns, a minute apart, after the event that opened the alert."""
    for number in range(10):
        services.comment(alert_id=alert.id, by="user:ana", note=f"Note {number}.")
        run = make_run(alert.monitor, week=10 + number)
        AlertRun.objects.create(
            tenant_id=alert.tenant_id, alert=alert, run=run, track="check", verdict="drift",
            severity="critical", window_start=run.window_start, window_end=run.window_end,
        )  # fmt: skip
    begin = alert.created_at
    for position, event in enumerate(AlertEvent.objects.filter(alert=alert).order_by("number")):
        moment = begin + timedelta(minutes=2 * position)
        AlertEvent.objects.filter(id=event.id).update(created_at=moment)
    for position, row in enumerate(AlertRun.objects.filter(alert=alert).order_by("window_end")):
        moment = begin + timedelta(minutes=2 * position + 1)
        AlertRun.objects.filter(id=row.id).update(created_at=moment)
    return alert


def ask(api: APIClient, alert: Alert, **query: Any) -> Any:
    return api.get(f"{ALERTS}/{alert.id}/timeline", query)


def pages(api: APIClient, alert: Alert, **query: Any) -> list[list[dict[str, Any]]]:
    found = [ask(api, alert, **query).json()]
    while found[-1]["next"]:
        found.append(api.get(found[-1]["next"]).json())
    return [page["results"] for page in found]


def test_timeline__events_and_runs__are_merged_in_the_order_of_time(
    api: APIClient, long: Alert
) -> None:
    [found] = pages(api, long)
    assert [row["type"] for row in found] == ["event", "run"] * 10 + ["event"]
    assert [row["at"] for row in found] == sorted(row["at"] for row in found)
    assert found[0]["event"]["kind"] == "opened"
    assert found[1]["run"]["verdict"] == "drift"
    assert (found[0]["run"], found[1]["event"]) == (None, None)
    assert found[2]["event"]["note"] == "Note 0."


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 21])
@pytest.mark.parametrize("ordering", ["created_at", "-created_at"])
def test_timeline__pages_of_any_size__have_each_entry_once(
    api: APIClient, long: Alert, size: int, ordering: str
) -> None:
    [whole] = pages(api, long, ordering=ordering)
    found = pages(api, long, page_size=size, ordering=ordering)
    assert [row for page in found for row in page] == whole
    assert max(map(len, found)) == min(size, 21)


def test_timeline__entries_of_one_moment__are_all_paged_through(
    api: APIClient, long: Alert
) -> None:
    AlertEvent.objects.update(created_at=long.created_at)
    AlertRun.objects.update(created_at=long.created_at)
    found = [row["id"] for page in pages(api, long, page_size=4) for row in page]
    assert (len(found), len(set(found))) == (21, 21)


def test_timeline__back__shows_the_page_before(api: APIClient, long: Alert) -> None:
    first = ask(api, long, page_size=5).json()
    second = api.get(first["next"]).json()
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_timeline__page_of_few__reads_few_rows(api: APIClient, long: Alert) -> None:
    with CaptureQueriesContext(connection) as queries:
        ask(api, long, page_size=2)
    asked = [each["sql"] for each in queries if "drf_alert_" in each["sql"]]
    assert len(asked) == 2
    assert all("LIMIT 3" in sql for sql in asked)


def test_timeline__viewer__may_read(viewer_api: APIClient, alert: Alert) -> None:
    assert ask(viewer_api, alert).status_code == 200


def test_timeline__other_tenant_or_unknown__is_404(
    api: APIClient, other_api: APIClient, alert: Alert
) -> None:
    assert ask(other_api, alert).status_code == 404
    assert api.get(f"{ALERTS}/{uuid4()}/timeline").status_code == 404


def test_timeline__earlier_acknowledgement__stays_after_worsening(
    api: APIClient, alert: Alert
) -> None:
    services.acknowledge(alert_id=alert.id, by="user:ana", note="Known.", reason="expected")
    [found] = pages(api, alert)
    last = found[-1]["event"]
    assert (last["actor"], last["note"], last["reason"]) == ("user:ana", "Known.", "expected")
    assert (last["from_attention"], last["to_attention"]) == ("new", "acknowledged")
