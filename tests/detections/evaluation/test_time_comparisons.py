"""Beside the baseline, a window is compared with earlier times, such as the same hours of the weeks before it."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError
from scipy import stats

from algorithms.method_results import MethodResult, Reference
from detections.backtests.services import build_backtest
from detections.evaluation.run import evaluate_run
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from monitors.validators import check_monitor
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_backtest, make_flights_monitor, make_run, take

WEEK = timedelta(weeks=1)


def evaluate(monitor: Monitor, week: int) -> RunResult:
    return evaluate_run(take(make_run(monitor, week=week)))


def seasonal(result: RunResult) -> dict[str, MethodResult]:
    return {
        each.method.value: each for each in result.methods if each.reference is Reference.SEASONAL
    }


def delays(flights: Path, *weeks: int) -> pd.Series:
    """Read without our readers."""
    return pd.concat(
        [pq.read_table(flights / f"week{week}.parquet").to_pandas()["delay"] for week in weeks]
    )


@pytest.fixture
def monitor(flights: Path, in_tenant: Tenant) -> Monitor:
    """A monitor that looks back two weeks; week 4 has drifted from the baseline just as week 3 has."""
    week3 = pq.read_table(flights / "week3.parquet")
    times = pa.array(
        [moment + WEEK for moment in week3["departs_at"].to_pylist()], pa.timestamp("us", "UTC")
    )
    pq.write_table(week3.set_column(0, "departs_at", times), flights / "week4.parquet")
    return make_flights_monitor(flights, seasonal_weeks=2)


def test_evaluate_run__weeks_before__ks_agrees_with_scipy(monitor: Monitor, flights: Path) -> None:
    records = {each.feature: each for each in seasonal(evaluate(monitor, 3))["ks"].details}
    expected = stats.ks_2samp(delays(flights, 1, 2), delays(flights, 3))
    assert records["delay"].statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert (records["delay"].n_reference, records["delay"].n_current) == (4000, 2000)


def test_evaluate_run__no_season_asked_for__baseline_alone(flights_monitor: Monitor) -> None:
    assert not seasonal(evaluate(flights_monitor, 3))


def test_evaluate_run__like_last_week_but_not_like_the_baseline__drift_is_told_apart(
    monitor: Monitor, flights: Path
) -> None:
    Monitor.objects.update(seasonal_weeks=1)
    result = evaluate(monitor, 4)
    assert result.verdict == "drift"
    assert {
        (each.method.value, each.reference.value): each.verdict.value for each in result.methods
    } == {
        ("ks", "baseline"): "drift",
        ("psi", "baseline"): "drift",
        ("chi_squared", "baseline"): "drift",
        ("ks", "seasonal"): "ok",
        ("psi", "seasonal"): "ok",
        ("chi_squared", "seasonal"): "ok",
    }


def test_evaluate_run__like_the_baseline_but_not_like_last_week__is_drift(
    monitor: Monitor, flights: Path
) -> None:
    back = flights_like(week=5, start=TIMESTAMPS[0] + 5 * WEEK)
    pq.write_table(back, flights / "week5.parquet")
    result = evaluate(monitor, 5)
    assert result.verdict == "drift"
    assert {each.worst_feature for each in result.methods if each.is_drifted} == {
        "delay",
        "carrier",
    }
    assert {each.reference.value for each in result.methods if each.is_drifted} == {"seasonal"}


def test_evaluate_run__no_rows_in_the_weeks_before__baseline_decides_and_the_reason_says_so(
    monitor: Monitor,
) -> None:
    result = evaluate(monitor, 0)
    assert (result.verdict, result.reason) == (
        "ok",
        "The same window of the 2 weeks before holds no row.",
    )
    assert {each.verdict.value for each in seasonal(result).values()} == {"insufficient_data"}


def test_evaluate_run__column_unreadable_in_the_weeks_before__is_an_error_with_the_reason(
    monitor: Monitor, flights: Path
) -> None:
    week2 = pq.read_table(flights / "week2.parquet")
    texts = pa.array([f"{delay} min" for delay in week2["delay"].to_pylist()])
    pq.write_table(week2.set_column(1, "delay", texts), flights / "week2.parquet")
    result = evaluate(monitor, 3)
    assert {each.verdict.value for each in seasonal(result).values()} == {"error"}
    assert "delay" in result.reason


def test_evaluate_run__row_count__is_compared_with_those_weeks(
    monitor: Monitor, flights: Path
) -> None:
    Monitor.objects.update(methods=["row_count"], seasonal_weeks=4)
    pq.write_table(
        flights_like(week=5, start=TIMESTAMPS[0] + 5 * WEEK, rows=500), flights / "week5.parquet"
    )
    [answer] = seasonal(evaluate(monitor, 5)).values()
    assert answer.verdict.value == "drift"
    assert answer.statistic == pytest.approx(2000 / 500 - 1)


def test_build_backtest__season_asked_for__is_replayed_too(monitor: Monitor, flights: Path) -> None:
    pq.write_table(flights_like(week=5, start=TIMESTAMPS[0] + 5 * WEEK), flights / "week5.parquet")
    backtest = make_backtest(monitor, weeks=(5, 6))
    build_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1")
    backtest.refresh_from_db()
    assert [window["verdict"] for window in backtest.windows] == ["drift"]


def test_execute__seasonal_drift__is_recorded_beside_the_baselines(monitor: Monitor) -> None:
    run = make_run(monitor, week=3)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    assert DetectionRun.objects.get().status == "succeeded"
    found = Detection.objects.filter(method="ks").values_list("reference", "verdict")
    assert dict(found) == {"baseline": "drift", "seasonal": "drift"}


def test_check_monitor__season_without_a_column_of_times__is_refused() -> None:
    fields = {
        "schedule_cron": "0 0 * * 1", "timezone": "UTC", "window": WEEK, "window_lag": timedelta(0),
        "misfire_grace": timedelta(0), "timestamp_column": "", "seasonal_weeks": 1,
    }  # fmt: skip
    with pytest.raises(ValidationError, match="seasonal_weeks needs a timestamp_column"):
        check_monitor(fields)
