from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from scipy import stats

from algorithms.methods import Method
from detections.evaluation.context import BaselineNotReady
from detections.evaluation.run import evaluate_run
from detections.models import DetectionRun
from detections.results import RunResult
from drift_detector.tenancy.models import Tenant
from monitors.baselines.builds import build_baseline
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Baseline, Monitor
from monitors.services import update_monitor
from monitors.sources import table_from_columns, table_to_bytes
from tests.data import TIMESTAMPS
from tests.factories import make_flights_monitor, make_monitor, make_run, take

LATER = datetime(2024, 6, 1, tzinfo=UTC)

Details = dict[tuple[str, str], dict[str, Any]]


def evaluate(monitor: Monitor, week: int, **fields: Any) -> RunResult:
    return evaluate_run(take(make_run(monitor, week=week, **fields)))


def details(result: RunResult) -> Details:
    """Each feature's record, by method and feature."""
    return {
        (m.method.value, record.feature): record.as_json()
        for m in result.methods
        for record in m.details
    }


def verdicts(result: RunResult) -> dict[str, str]:
    return {
        f"{method} {feature}": record["verdict"]
        for (method, feature), record in details(result).items()
    }


def weeks(flights: Path, *numbers: int) -> pd.DataFrame:
    """The rows of these weeks, read without our readers."""
    return pd.concat(
        [pq.read_table(flights / f"week{number}.parquet").to_pandas() for number in numbers]
    )


def replace_week(flights: Path, week: int, change: Callable[[pa.Table], pa.Table]) -> None:
    path = flights / f"week{week}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def set_all(**fields: Any) -> None:
    Monitor.objects.update(**fields)


def test_evaluate_run__week_like_the_reference__is_ok(flights_monitor: Monitor) -> None:
    result = evaluate(flights_monitor, 2)
    assert (result.verdict, result.rows, result.is_failed) == ("ok", 2000, False)
    assert set(verdicts(result).values()) == {"ok"}


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_evaluate_run__csv__is_read_as_its_baseline_was(
    in_tenant: Tenant, flights: Path, extension: str
) -> None:
    """Zip codes keep their zeros and `NA` its letters, whatever else one window holds."""
    zips = np.array(["02134", "NA", "10001", "True"])
    for week in range(3):
        frame = weeks(flights, week).assign(zip=np.resize(zips, 2000))
        frame.loc[frame.index[-1], "zip"] = "K1A" if week == 2 else "10001"
        if extension == "parquet" and week < 2:
            frame.to_parquet(flights / f"week{week}.parquet")
            continue
        frame.to_csv(flights.parent / f"week{week}.csv", index=False)
    current = flights.parent / "week2.csv"
    reference = (flights if extension == "parquet" else flights.parent) / f"week[01].{extension}"
    monitor = make_flights_monitor(
        flights,
        reference_data_uri=str(reference),
        current_data_uri=str(current),
        feature_columns=["zip", "delay"],
        feature_kinds={"zip": "categorical"},
    )
    result = evaluate(monitor, 2)
    assert set(verdicts(result).values()) == {"ok"}
    shares = details(result)["chi_squared", "zip"]["explanation"]["top_categories"]
    counted = {each["category"]: each["current_share"] for each in shares}
    assert counted["02134"] == counted["NA"] == counted["10001"] == 0.25
    assert counted["True"] == 0.2495


def test_evaluate_run__drifted_week__names_delay_and_carrier(flights_monitor: Monitor) -> None:
    result = evaluate(flights_monitor, 3)
    assert result.verdict == "drift"
    assert verdicts(result) == {
        "ks delay": "drift",
        "ks distance": "ok",
        "psi delay": "drift",
        "psi distance": "ok",
        "chi_squared carrier": "drift",
    }


@pytest.mark.parametrize("week", [2, 3])
@pytest.mark.parametrize("feature", ["delay", "distance"])
def test_evaluate_run__ks__agrees_with_scipy(
    flights_monitor: Monitor, flights: Path, week: int, feature: str
) -> None:
    record = details(evaluate(flights_monitor, week))["ks", feature]
    expected = stats.ks_2samp(weeks(flights, 0, 1)[feature], weeks(flights, week)[feature])
    assert record["statistic"] == pytest.approx(expected.statistic, abs=1e-12)
    assert record["p_value"] == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-50)
    assert (record["n_reference"], record["n_current"]) == (4000, 2000)


@pytest.mark.parametrize("week", [2, 3])
def test_evaluate_run__chi_squared__agrees_with_scipy(
    flights_monitor: Monitor, flights: Path, week: int
) -> None:
    record = details(evaluate(flights_monitor, week))["chi_squared", "carrier"]
    counts = [weeks(flights, *each)["carrier"].value_counts() for each in ((0, 1), (week,))]
    expected = stats.chi2_contingency(
        pd.concat(counts, axis=1).fillna(0).to_numpy().T, correction=False
    )
    assert record["statistic"] == pytest.approx(expected.statistic, rel=1e-12)
    assert record["p_value"] == pytest.approx(expected.pvalue, rel=1e-6)


def test_evaluate_run__p_adjusted__is_scipys_benjamini_hochberg(flights_monitor: Monitor) -> None:
    found = [
        record
        for record in details(evaluate(flights_monitor, 2)).values()
        if record["p_value"] is not None
    ]
    expected = stats.false_discovery_control([record["p_value"] for record in found])
    assert len(found) == 5
    assert [record["p_adjusted"] for record in found] == pytest.approx(list(expected))


def test_evaluate_run__psi__is_the_formula_over_its_own_cells(
    flights_monitor: Monitor, flights: Path
) -> None:
    record = details(evaluate(flights_monitor, 3))["psi", "delay"]
    edges = np.quantile(weeks(flights, 0, 1)["delay"], np.linspace(0, 1, 11)[1:-1])
    counts = [
        np.histogram(weeks(flights, *each)["delay"], [-np.inf, *edges, np.inf])[0]
        for each in ((0, 1), (3,))
    ]
    expected, actual = (count / count.sum() for count in counts)
    # Smoothing and the convention for quantiles move it a little.
    assert record["statistic"] == pytest.approx(
        np.sum((actual - expected) * np.log(actual / expected)), rel=0.02
    )


def test_evaluate_run__run__is_tied_to_the_baseline_it_used(flights_monitor: Monitor) -> None:
    assert evaluate(flights_monitor, 2).baseline_id == Baseline.objects.get().id


def test_evaluate_run__new_baseline_is_building__uses_the_ready_one(
    flights_monitor: Monitor,
) -> None:
    Baseline.objects.create(tenant_id=flights_monitor.tenant_id, monitor=flights_monitor, version=2)
    assert evaluate(flights_monitor, 2).verdict == "ok"


def test_evaluate_run__tolerance_above_the_effect__is_ok(flights_monitor: Monitor) -> None:
    set_all(tolerances={"ks": {"features": {"delay": 0.9}}}, methods=["ks"])
    assert evaluate(flights_monitor, 3).verdict == "ok"


def test_evaluate_run__tolerance_of_another_feature__changes_nothing(
    flights_monitor: Monitor,
) -> None:
    set_all(tolerances={"ks": {"features": {"distance": 0.9}}}, methods=["ks"])
    assert verdicts(evaluate(flights_monitor, 3)) == {"ks delay": "drift", "ks distance": "ok"}


def test_evaluate_run__significance_stricter_than_the_p_value__is_ok(
    flights_monitor: Monitor,
) -> None:
    set_all(thresholds={"chi_squared": {"default": 1e-300}}, methods=["chi_squared"])
    assert evaluate(flights_monitor, 3).verdict == "ok"


def test_evaluate_run__psi_threshold_above_the_index__is_ok(flights_monitor: Monitor) -> None:
    set_all(thresholds={"psi": {"default": 50}}, methods=["psi"])
    record = details(evaluate(flights_monitor, 3))["psi", "delay"]
    assert (record["verdict"], record["threshold"]) == ("ok", 50)


def test_evaluate_run__threshold_policy__p_value_alone_decides(flights_monitor: Monitor) -> None:
    set_all(policy="threshold", thresholds={"ks": {"default": 1.0}}, methods=["ks"])
    assert set(verdicts(evaluate(flights_monitor, 2)).values()) == {"drift"}


def test_evaluate_run__evidence_without_effect__is_ok(flights_monitor: Monitor) -> None:
    set_all(policy="evidence_and_effect", thresholds={"ks": {"default": 1.0}}, methods=["ks"])
    assert set(verdicts(evaluate(flights_monitor, 2)).values()) == {"ok"}


@pytest.mark.parametrize(("level", "verdict"), [(1.0, "drift"), (1e-9, "ok")])
def test_evaluate_run__setting__decides_what_the_monitor_leaves_open(
    flights_monitor: Monitor, override: Callable[..., None], level: float, verdict: str
) -> None:
    set_all(policy="threshold", methods=["ks"])
    override(drift_threshold_ks=level)
    assert evaluate(flights_monitor, 2).verdict == verdict


def test_evaluate_run__card_says_windows_differ_as_much_anyway__is_ok_unless_the_monitor_sets_a_tolerance(
    flights: Path, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {
        "rows": [2000] * 6,
        "usual_effects": {"ks delay": 0.9, "psi delay": 9.0, "chi_squared carrier": 0.9},
    }
    monkeypatch.setattr("monitors.baselines.power_cards.make_power_card", lambda *_: card)
    monitor = make_flights_monitor(flights)
    assert evaluate(monitor, 3).verdict == "ok"
    set_all(tolerances={"ks": {"default": 0.1}})
    assert [
        m.method.value for m in evaluate(monitor, 3, scheduled_for=LATER).methods if m.is_drifted
    ] == ["ks"]


def test_evaluation_plan__feature_override__keeps_the_methods_other_number(
    monitor: Monitor,
) -> None:
    monitor.thresholds = {"ks": {"default": 0.01, "features": {"delay": 0.001}}}
    monitor.tolerances = {"ks": {"default": 0.3}}
    plan = evaluation_plan(monitor)
    delay, distance = (plan.limits(Method.KS, feature) for feature in ("delay", "distance"))
    assert (delay.threshold, delay.tolerance) == (0.001, 0.3)
    assert (distance.threshold, distance.tolerance) == (0.01, 0.3)
    assert (
        plan.limits(Method.CHI_SQUARED, "carrier").threshold
        == settings.ENV.drift_threshold_chi2
        == 0.05
    )


def test_evaluate_run__window_without_rows__is_no_data(flights_monitor: Monitor) -> None:
    result = evaluate(flights_monitor, 20)
    assert (result.verdict, result.rows, result.reason) == (
        "no_data",
        0,
        "The window holds no row.",
    )
    assert set(verdicts(result).values()) == {"no_data"}


def test_evaluate_run__fewer_rows_than_needed__is_insufficient(flights_monitor: Monitor) -> None:
    set_all(min_rows=2001)
    result = evaluate(flights_monitor, 3)
    assert result.verdict == "insufficient_data"
    assert set(verdicts(result).values()) == {"insufficient_data"}
    assert "2000 usable rows" in details(result)["ks", "delay"]["reason"]


def test_evaluate_run__column_missing_in_the_window__others_are_judged(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week3.parquet"))
    replace_week(flights, 3, lambda table: table.drop_columns(["distance"]))
    found = verdicts(evaluate(monitor, 3))
    assert (found["ks distance"], found["psi distance"]) == ("error", "error")
    assert (found["ks delay"], found["chi_squared carrier"]) == ("drift", "drift")


def test_evaluate_run__column_of_another_type__others_are_judged(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week2.parquet"))
    replace_week(flights, 2, lambda table: table.set_column(1, "delay", pa.array(["late"] * 2000)))
    result = evaluate(monitor, 2)
    assert result.verdict == "error"
    assert verdicts(result)["chi_squared carrier"] == "ok"
    assert details(result)["ks", "delay"]["reason"]


@pytest.mark.parametrize("content", [b"not parquet at all" * 20, b""])
def test_evaluate_run__damaged_file__fails_with_the_reason(
    flights: Path, in_tenant: Tenant, content: bytes
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week3.parquet"))
    (flights / "week3.parquet").write_bytes(content)
    result = evaluate(monitor, 3)
    assert (result.verdict, result.is_failed) == ("error", True)
    assert "cannot be read" in result.reason
    assert {m.method.value: m.verdict.value for m in result.methods} == dict.fromkeys(
        monitor.effective_methods, "error"
    )


def test_evaluate_run__folder_gone__fails_with_the_reason(flights: Path, in_tenant: Tenant) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "gone"))
    result = evaluate(monitor, 3)
    assert result.is_failed
    assert "gone" in result.reason


def test_evaluate_run__root_no_longer_allowed__fails(
    flights_monitor: Monitor, override: Callable[..., None]
) -> None:
    override(data={"allowed_roots": ["/somewhere/else"]})
    assert evaluate(flights_monitor, 2).is_failed


def test_evaluate_run__inline_data__is_judged_instead_of_the_window(
    flights_monitor: Monitor,
) -> None:
    columns: dict[str, list[Any]] = {"delay": [500.0] * 100, "carrier": ["A"] * 100}
    result = evaluate(flights_monitor, 2, inline_data=table_to_bytes(table_from_columns(columns)))
    assert (result.rows, verdicts(result)["ks delay"], verdicts(result)["ks distance"]) == (
        100,
        "drift",
        "error",
    )


def test_evaluate_run__damaged_inline_data__fails(flights_monitor: Monitor) -> None:
    assert evaluate(flights_monitor, 2, inline_data=b"\x00\x01").is_failed


def test_evaluate_run__no_timestamp_column__reads_the_whole_source(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_monitor(
        reference_data_uri=str(flights / "week0.parquet"),
        current_data_uri=str(flights / "week3.parquet"),
        timestamp_column="",
    )
    build_baseline(
        tenant_id=monitor.tenant_id, baseline_id=monitor.baselines.get().id, worker="worker-1"
    )
    result = evaluate(monitor, 20)
    assert (result.verdict, result.rows) == ("drift", 2000)


def test_evaluate_run__baseline_still_building__waits(run: DetectionRun) -> None:
    with pytest.raises(BaselineNotReady):
        evaluate_run(take(run))


def test_evaluate_run__baseline_failed__says_why(run: DetectionRun, monitor: Monitor) -> None:
    Baseline.objects.update(status="failed", reason="There is nothing at ‘x’.")
    result = evaluate_run(take(run))
    assert result.is_failed
    assert result.reason == "The monitor has no baseline: There is nothing at ‘x’."


def test_evaluate_run__window_bounds__start_included_end_not(
    flights_monitor: Monitor, flights: Path
) -> None:
    departures = weeks(flights, 2)["departs_at"].sort_values()
    start, end = (departures.iloc[row].to_pydatetime() for row in (10, 1990))
    expected = int(((departures >= start) & (departures < end)).sum())
    result = evaluate(flights_monitor, 2, window_start=start, window_end=end)
    assert result.rows == expected


def methods_of(result: RunResult) -> set[str]:
    return {found.method.value for found in result.methods}


def make_daily_monitor(flights: Path, **fields: Any) -> Monitor:
    """A monitor of single days, of which its reference has fourteen."""
    return make_flights_monitor(flights, window=timedelta(days=1), methods=None, **fields)


def test_evaluate_run__row_count__is_of_windows_as_long_as_the_monitors(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_daily_monitor(flights)
    start = TIMESTAMPS[2]
    for hours in (23, 24, 25):
        end = start + timedelta(hours=hours)
        day = {"window_start": start, "window_end": end, "scheduled_for": end}
        assert Method.ROW_COUNT in methods_of(evaluate(monitor, 2, **day))
    week = evaluate(monitor, 2)
    assert Method.ROW_COUNT not in methods_of(week)
    assert week.verdict == "ok", "a week holds seven times the rows of a day"


def test_evaluate_run__row_count__is_not_of_rows_that_came_with_the_request(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_daily_monitor(flights, feature_columns=["delay"])
    delays = weeks(flights, 2)["delay"].dropna().tolist()
    inline = table_to_bytes(table_from_columns({"delay": delays}))
    result = evaluate(monitor, 2, inline_data=inline)
    assert Method.ROW_COUNT not in methods_of(result)
    assert result.verdict == "ok"


def test_evaluate_run__window_changed_since_the_baseline__row_counts_are_not_compared(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_daily_monitor(flights)
    update_monitor(monitor=monitor, window=timedelta(weeks=1))
    result = evaluate(monitor, 2)
    assert Method.ROW_COUNT not in methods_of(result)
    assert result.verdict == "ok"


def test_evaluate_run__row_count_that_is_asked_for__says_why_it_is_not_known(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_daily_monitor(flights)
    update_monitor(monitor=monitor, methods=["ks", "row_count"])
    result = evaluate(monitor, 2)
    (record,) = [each for (method, _), each in details(result).items() if method == "row_count"]
    assert record["verdict"] == "insufficient_data"
    assert "enough windows of this length" in record["reason"]
    assert result.verdict == "ok"
