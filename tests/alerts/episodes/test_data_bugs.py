"""An episode that people call a bug of the data marks its windows as bad."""

from datetime import datetime

import pytest

from alerts.models import Alert
from alerts.workflow.services import acknowledge, resolve
from algorithms.verdicts import Severity, Verdict
from detections.results import RunResult
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from monitors.models import BadWindow, Monitor
from tests.data import TIMESTAMPS
from tests.factories import WEEK, drift_result, make_monitor, make_run, take


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(resolve_after=2)


def finish(monitor: Monitor, week: int, result: RunResult) -> None:
    assert complete_run(take(make_run(monitor, week=week)), result)


def drifted(monitor: Monitor, *weeks: int) -> Alert:
    for week in weeks:
        finish(monitor, week, drift_result(Severity.CRITICAL))
    return Alert.objects.get(kind=Alert.Kind.STATISTICAL)


def marked() -> list[tuple[datetime, datetime]]:
    return list(BadWindow.objects.values_list("window_start", "window_end"))


def call_bug(alert: Alert) -> None:
    acknowledge(alert_id=alert.id, by="user:ana", reason="data_bug")


def weeks(first: int, last: int) -> tuple[datetime, datetime]:
    return TIMESTAMPS[0] + first * WEEK, TIMESTAMPS[0] + (last + 1) * WEEK


def test_acknowledge__data_bug__marks_from_the_first_to_the_last_drifted_window(
    monitor: Monitor,
) -> None:
    alert = drifted(monitor, 1, 2)
    call_bug(alert)
    assert marked() == [weeks(1, 2)]
    row = BadWindow.objects.get()
    assert (row.monitor_id, row.episode, row.created_by) == (monitor.id, alert.id, "user:ana")


def test_run__of_an_episode_that_goes_on__lets_the_mark_grow(monitor: Monitor) -> None:
    call_bug(drifted(monitor, 1))
    drifted(monitor, 2)
    assert marked() == [weeks(1, 2)]
    finish(monitor, 3, RunResult(verdict=Verdict.OK, rows=10))
    assert marked() == [weeks(1, 2)]


def test_acknowledge__other_reason__marks_nothing(monitor: Monitor) -> None:
    acknowledge(alert_id=drifted(monitor, 1).id, by="user:ana", reason="real")
    drifted(monitor, 2)
    assert marked() == []


def test_resolve__other_reason__takes_the_mark_back(monitor: Monitor) -> None:
    alert = drifted(monitor, 1)
    call_bug(alert)
    resolve(alert_id=alert.id, by="user:ana", reason="expected")
    assert marked() == []


def test_resolve__data_bug__marks(monitor: Monitor) -> None:
    resolve(alert_id=drifted(monitor, 1).id, by="user:ana", reason="data_bug")
    assert marked() == [weeks(1, 1)]
