from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerts.health.reviews import STREAMS_TASK, enqueue_stream_reviews, review_streams
from alerts.health.streams import is_silent
from alerts.workflow import services
from detections.models import OutcomeBatch, OutcomeStream
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.health.conftest import End, events, health_alerts
from tests.conftest import connected_as, role_url
from tests.factories import make_monitor, wake_ups

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = timezone.now()


def arrivals(*gaps: timedelta, silence: timedelta) -> list[datetime]:
    """Moments with these gaps between them, the last of them so long ago."""
    moments = [NOW - silence]
    for gap in reversed(gaps):
        moments.insert(0, moments[0] - gap)
    return moments


WEEKDAYS = [DAY, DAY, DAY, DAY, 3 * DAY] * 3


@pytest.mark.parametrize(
    ("gaps", "silence", "silent"),
    [
        ([HOUR] * 20, 23 * HOUR, False),
        ([HOUR] * 20, 25 * HOUR, True),
        ([DAY] * 20, 47 * HOUR, False),
        ([DAY] * 20, 49 * HOUR, True),
        (WEEKDAYS, 5 * DAY, False),
        (WEEKDAYS, 6.1 * DAY, True),
        ([HOUR] * 10 + [40 * DAY] + [HOUR] * 9, 25 * HOUR, True),
        ([7 * DAY] * 5, 13 * DAY, False),
        ([7 * DAY] * 5, 15 * DAY, True),
        ([HOUR] * 4, 90 * DAY, False),
        ([], 90 * DAY, False),
    ],
)
def test_is_silent__usual_gaps__bear_twice_of_it_and_a_day(
    gaps: list[timedelta], silence: timedelta, silent: bool
) -> None:
    assert is_silent(arrivals(*gaps, silence=silence), now=NOW) is silent


def test_is_silent__setting__is_the_multiple(override: Callable[..., None]) -> None:
    times = arrivals(*[DAY] * 20, silence=3 * DAY)
    override(alerts={"silent_stream_after": 4})
    assert not is_silent(times, now=NOW)


def make_stream(monitor: Monitor, times: list[datetime]) -> OutcomeStream:
    """A stream that got an outcome at each of the moments."""
    stream = OutcomeStream.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, name="default"
    )
    for moment in times:
        add_outcome(stream, created_at=moment)
    return stream


def add_outcome(stream: OutcomeStream, **fields: Any) -> None:
    number = stream.sequence + 1
    batch = OutcomeBatch.objects.create(
        tenant_id=stream.tenant_id, stream=stream, batch_id=str(number), rows=1, outcomes=1,
        first_sequence=number,
    )  # fmt: skip
    OutcomeBatch.objects.filter(id=batch.id).update(**fields or {"created_at": NOW})
    stream.sequence = number
    stream.save()


@pytest.fixture
def silent(monitor: Monitor) -> OutcomeStream:
    return make_stream(monitor, arrivals(*[HOUR] * 20, silence=2 * DAY))


def test_review_streams__silent__raises_a_warning(silent: OutcomeStream) -> None:
    assert review_streams(tenant_id=silent.tenant_id) == 1
    [alert] = health_alerts()
    assert (alert.severity, alert.cause) == ("warning", {"causes": ["silent_stream"]})
    assert "No outcome came in the stream 'default' since" in alert.summary
    assert alert.first_run_id is None


def test_review_streams__each_hour__tells_once(silent: OutcomeStream) -> None:
    for _ in range(3):
        review_streams(tenant_id=silent.tenant_id)
    assert events(health_alerts()[0]) == [("opened", True)]


def test_review_streams__judged_run_meanwhile__leaves_the_silence_open(
    silent: OutcomeStream, end: End
) -> None:
    review_streams(tenant_id=silent.tenant_id)
    end(3, "ok")
    assert [alert.phase for alert in health_alerts()] == ["open"]


def test_review_streams__outcome_comes__closes_it(silent: OutcomeStream) -> None:
    review_streams(tenant_id=silent.tenant_id)
    add_outcome(silent)
    review_streams(tenant_id=silent.tenant_id)
    assert events(health_alerts()[0]) == [("opened", True), ("resolved", True)]


def test_review_streams__batches_past_their_retention__silence_goes_on(
    silent: OutcomeStream,
) -> None:
    review_streams(tenant_id=silent.tenant_id)
    OutcomeBatch.objects.all().delete()
    review_streams(tenant_id=silent.tenant_id)
    assert [alert.phase for alert in health_alerts()] == ["open"]


def test_review_streams__ended_by_a_person__this_silence_raises_no_other(
    silent: OutcomeStream,
) -> None:
    review_streams(tenant_id=silent.tenant_id)
    services.resolve(alert_id=health_alerts()[0].id, by="user:ana", reason="expected")
    review_streams(tenant_id=silent.tenant_id)
    assert len(health_alerts()) == 1


def test_review_streams__regular_or_paused__raises_nothing(monitor: Monitor) -> None:
    make_stream(monitor, arrivals(*[HOUR] * 20, silence=HOUR))
    paused = make_monitor(status="paused")
    make_stream(paused, arrivals(*[HOUR] * 20, silence=9 * DAY))
    assert review_streams(tenant_id=monitor.tenant_id) == 1
    assert health_alerts() == []


def test_enqueue_stream_reviews__as_the_scheduler__one_task_a_tenant(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor()
    with connected_as(role_url("scheduler")):
        assert enqueue_stream_reviews() == 1
    assert wake_ups(STREAMS_TASK) == [{"tenant_id": str(committed_tenant.id)}]
