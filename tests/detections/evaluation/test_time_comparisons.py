"""Beside the baseline, a window is compared with earlier times, such as the same hours of the weeks before it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError
from scipy import stats

from alerts.models import Alert
from algorithms.method_results import MethodResult, Reference
from detections.backtests.services import build_backtest
from detections.evaluation.run import evaluate_run
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors.bad_windows.services import mark_bad
from monitors.baselines.builds import build_baseline, request_baseline
from monitors.models import Monitor
from monitors.validators import check_monitor
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_backtest, make_flights_monitor, make_run, take

WEEK = timedelta(weeks=1)


def evaluate(monitor: Monitor, week: int) -> RunResult:
    return evaluate_run(take(make_run(monitor, week=week)))


def evaluate_again(monitor: Monitor, week: int) -> RunResult:
    """The same window, by another tick."""
    tick = TIMESTAMPS[0] + (week + 1) * WEEK + timedelta(hours=1)
    return evaluate_run(take(make_run(monitor, week=week, scheduled_for=tick)))


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


IN_TIME = {"judged_by": "references_in_time"}


def counted(result: RunResult) -> set[tuple[str, str]]:
    return {(each.method.value, each.reference.value) for each in result.methods if each.counts}


def test_judged_by_references__like_last_week_but_not_like_the_baseline__is_ok(
    monitor: Monitor,
) -> None:
    Monitor.objects.update(seasonal_weeks=1, **IN_TIME)
    result = evaluate(monitor, 4)
    assert result.verdict == "ok"
    assert {each.verdict.value for each in result.methods if not each.counts} == {"drift"}
    assert counted(result) == {(name, "seasonal") for name in ("ks", "psi", "chi_squared")}
    assert (
        result.reason
        == "The comparison with the same window of the 1 week before counts, and not that with the baseline."
    )


def test_judged_by_references__not_like_last_week__is_drift(monitor: Monitor) -> None:
    Monitor.objects.update(references_in_time=[{"kind": "previous"}], seasonal_weeks=0, **IN_TIME)
    result = evaluate(monitor, 3)
    assert result.verdict == "drift"
    assert {each.reference.value for each in result.methods if each.counts} == {"previous"}


def test_judged_by_references__history_too_young__baseline_counts(monitor: Monitor) -> None:
    Monitor.objects.update(**IN_TIME)
    result = evaluate(monitor, 0)
    assert result.verdict == "ok"
    assert {reference for _, reference in counted(result)} >= {"baseline"}
    assert result.reason.endswith(
        "No reference in time could be judged, so the comparison with the baseline counts."
    )


def test_judged_by_references__method_without_a_feature_of_its_kind__does_not_hold_ok_back(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(
        flights,
        seasonal_weeks=1,
        methods=["ks", "chi_squared"],
        feature_columns=["delay"],
        **IN_TIME,
    )
    assert evaluate(monitor, 1).verdict == "ok"


def test_judged_by_references__feature_without_a_value_last_week__still_counts_by_the_baseline(
    monitor: Monitor, flights: Path
) -> None:
    """Week 4 is like week 3 and unlike the baseline; of week 3 nothing is known of one feature that drifted."""
    Monitor.objects.update(seasonal_weeks=1, methods=["ks"], **IN_TIME)
    assert evaluate(monitor, 4).verdict == "ok"
    week3 = pq.read_table(flights / "week3.parquet")
    place = week3.column_names.index("delay")
    nothing = pa.nulls(week3.num_rows, week3.schema.field("delay").type)
    pq.write_table(week3.set_column(place, "delay", nothing), flights / "week3.parquet")
    result = evaluate_again(monitor, 4)
    assert result.verdict == "drift"
    drifted = {each.reference.value for each in result.methods if each.counts and each.is_drifted}
    assert drifted == {"baseline"}


def test_judged_by_references__lost_column__still_counts_by_the_baseline(
    monitor: Monitor, flights: Path
) -> None:
    Monitor.objects.update(seasonal_weeks=1, methods=["ks", "schema"], **IN_TIME)
    week4 = pq.read_table(flights / "week4.parquet").drop_columns(["distance"])
    pq.write_table(week4, flights / "week4.parquet")
    result = evaluate(monitor, 4)
    assert result.verdict == "drift"
    drifted = [each for each in result.methods if each.counts and each.is_drifted]
    assert [(each.method.value, each.worst_feature) for each in drifted] == [("schema", "distance")]


def test_judged_by_references__p_value__is_that_of_what_counts(monitor: Monitor) -> None:
    Monitor.objects.update(seasonal_weeks=1, **IN_TIME)
    like_last_week = evaluate(monitor, 4).p_value
    Monitor.objects.update(judged_by="either")
    against_both = evaluate_again(monitor, 4).p_value
    assert like_last_week == 1.0  # the very values of the week before
    assert against_both is not None
    assert against_both < 1e-6


def test_execute__does_not_count__opens_no_alert_and_is_stored(monitor: Monitor) -> None:
    Monitor.objects.update(seasonal_weeks=1, **IN_TIME)
    run = make_run(monitor, week=4)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    assert not Alert.objects.exists()
    found = Detection.objects.filter(method="ks").values_list("reference", "verdict", "counts")
    assert set(found) == {("baseline", "drift", False), ("seasonal", "ok", True)}


def test_bad_window__left_out__flips_the_verdict(monitor: Monitor, flights: Path) -> None:
    week5 = flights_like(week=5, start=TIMESTAMPS[0] + 5 * WEEK)
    pq.write_table(week5, flights / "week5.parquet")
    trailing = {"kind": "trailing", "length": "P28D", "offset": "PT0S"}
    Monitor.objects.update(references_in_time=[trailing], seasonal_weeks=0, **IN_TIME)
    assert evaluate(monitor, 5).verdict == "drift"  # weeks 3 and 4 of the four have drifted
    start = TIMESTAMPS[3]
    mark_bad(monitor=monitor, start=start, end=start + 2 * WEEK, reason="", by="key:test")
    result = evaluate_again(monitor, 5)
    assert result.verdict == "ok"
    [ks] = [each for each in result.methods if each.counts and each.method == "ks"]
    assert {each.n_reference for each in ks.details} == {4000}


def test_build_baseline__bad_window__its_rows_are_left_out(monitor: Monitor) -> None:
    Monitor.objects.update(reference_end=TIMESTAMPS[3] + WEEK)
    start = TIMESTAMPS[3]
    mark_bad(monitor=monitor, start=start, end=start + WEEK, reason="", by="key:test")
    baseline = request_baseline(monitor=Monitor.objects.get())
    build_baseline(tenant_id=monitor.tenant_id, baseline_id=baseline.id, worker="worker-1")
    baseline.refresh_from_db()
    assert (baseline.status, baseline.rows) == ("ready", 6000)
    assert baseline.calibration is not None
    assert baseline.calibration["rows"] == [2000, 2000, 2000]
    assert baseline.calibration["alarms"] == 0


def test_large_window__streamed__is_compared_with_earlier_times_alike(
    monitor: Monitor, override: Callable[..., None]
) -> None:
    Monitor.objects.update(references_in_time=[{"kind": "previous"}], **IN_TIME)
    whole = evaluate(monitor, 3)
    override(data={"stream_bytes": 1})
    streamed = evaluate_again(monitor, 3)
    assert streamed.verdict == whole.verdict == "drift"
    assert counted(streamed) == counted(whole)
    of_streamed = {(each.method, each.reference): each.statistic for each in streamed.methods}
    for each in whole.methods:
        assert of_streamed[each.method, each.reference] == pytest.approx(each.statistic, abs=0.01)
