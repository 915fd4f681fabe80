"""A run's end holds its p-value against the level in force, and alerts open by it."""

from dataclasses import replace

import pytest

from alerts.models import Alert, AlertEvent
from algorithms.verdicts import Severity
from detections.models import DetectionRun
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from monitors.budgets.services import put_budget
from monitors.models import Monitor
from tests.factories import drift_result, make_monitor, make_run, take

LEVEL = 5 / (30.4 * 24)


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    """An hourly monitor whose alerts open after one run that counts."""
    return make_monitor(schedule_cron="0 * * * *")


def ended(monitor: Monitor, week: int, p_value: float | None, **fields: object) -> DetectionRun:
    """A drifted run with a p-value."""
    run = make_run(monitor, week=week, **fields)
    result = replace(drift_result(Severity.CRITICAL), p_value=p_value, has_null=True)
    assert complete_run(take(run), result)
    run.refresh_from_db()
    return run


def test_complete_run__drift__keeps_the_level_in_force(monitor: Monitor) -> None:
    assert ended(monitor, 2, 0.01).opening_level == pytest.approx(LEVEL)
    put_budget(None, false_alerts_per_month=1, by="user:ana")
    assert ended(monitor, 3, 0.01).opening_level == pytest.approx(LEVEL / 5)


def test_complete_run__no_p_value__opens_as_before_budgets(monitor: Monitor) -> None:
    assert ended(monitor, 2, None).opening_level is None
    assert Alert.objects.get().phase == "open"


def test_complete_run__beyond_the_level__opens(monitor: Monitor) -> None:
    ended(
        monitor, 2, LEVEL * 0.49
    )  # one window has half of the level, a row of windows the other half
    assert Alert.objects.get().phase == "open"


def test_complete_run__not_beyond_the_level__waits_and_says_why(monitor: Monitor) -> None:
    ended(monitor, 2, 0.0123)
    assert Alert.objects.get().phase == "pending"
    [event] = AlertEvent.objects.all()
    assert (
        event.reason
        == "A run drifted; its p-value 0.0123 is above half of the budget's level 0.00685."
    )
    assert not event.notifies


def test_complete_run__drift_that_lasts__opens_in_the_end(monitor: Monitor) -> None:
    # an e-value of 0.2 * 0.0123 ** -0.8 = 6.7 each: (6.7 + 1) * 6.7 = 52, (52 + 1) * 6.7 = 356 > 2 / level
    for week in (2, 3, 4):
        ended(monitor, week, 0.0123)
    assert Alert.objects.get().phase == "open"
    assert "together they are beyond" in AlertEvent.objects.get(kind="opened").reason


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_complete_run__any_order__ends_alike(monitor: Monitor, order: tuple[int, int]) -> None:
    for week in order:
        ended(monitor, week, {2: 0.0123, 3: 1e-9}[week])
    alert = Alert.objects.get()
    assert (alert.phase, alert.occurrences) == ("open", 2)


def test_complete_run__budget_of_later__leaves_the_past_as_it_was(monitor: Monitor) -> None:
    ended(monitor, 3, 0.003)
    put_budget(None, false_alerts_per_month=0.1, by="user:ana")
    ended(monitor, 2, 0.003)  # of an older window, so the fold goes over the newer one again
    assert Alert.objects.get().phase == "open"
