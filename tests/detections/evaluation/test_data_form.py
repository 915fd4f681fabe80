"""The same flights, written in another form that the monitor names, are judged alike."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detections.backtests.services import build_backtest
from detections.evaluation.run import evaluate_run
from detections.models import Backtest
from detections.results import RunResult
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from monitors.sources import table_from_columns, table_to_bytes
from tests.factories import WEEK, make_backtest, make_flights_monitor, make_run, take

KOLKATA = "Asia/Kolkata"
EUROPEAN = {"delimiter": ";", "decimal": ",", "encoding": "utf-16-le"}
FEATURES = ["delay", "distance", "carrier", "day"]
PREDICTIONS = {"prediction_column": "carrier", "label_column": "carrier", "methods": ["ks", "psi"]}

type Written = dict[str, Any]


def clock_times(frame: pd.DataFrame) -> pd.DataFrame:
    """The flights with the times that a clock in Kolkata shows, and the days of them."""
    shown = frame["departs_at"].dt.tz_convert(KOLKATA).dt.tz_localize(None)
    return frame.assign(departs_at=shown, day=shown.dt.date)


def with_days(frame: pd.DataFrame) -> pd.DataFrame:
    """The flights with the moments at which their days in Kolkata begin."""
    return frame.assign(day=frame["departs_at"].dt.tz_convert(KOLKATA).dt.normalize())


def write_european(frame: pd.DataFrame, path: Path) -> None:
    """CSV with semicolons and decimal commas, in an encoding of its own."""
    frame.to_csv(path, sep=";", decimal=",", index=False, encoding="utf-16-le", na_rep="-")


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


@pytest.fixture
def plain(in_tenant: Tenant, flights: Path, data_root: Path) -> Path:
    """The flights with zones, and with the days as moments."""
    folder = data_root / "plain"
    folder.mkdir()
    for path in flights.glob("*.parquet"):
        write_parquet(with_days(pd.read_parquet(path)), folder / path.name)
    return folder


@pytest.fixture(params=["parquet", "csv"])
def written(request: pytest.FixtureRequest, flights: Path, data_root: Path, plain: Path) -> Written:
    """The same flights by a clock without a zone, and the fields of a monitor that say so."""
    folder = data_root / "written"
    folder.mkdir()
    is_csv = request.param == "csv"
    for path in flights.glob("*.parquet"):
        frame = clock_times(pd.read_parquet(path))
        write = write_european if is_csv else write_parquet
        write(frame, folder / f"{path.stem}.{request.param}")
    form = {"csv_dialect": EUROPEAN, "null_values": ["-"]} if is_csv else {}
    uris = {"reference_data_uri": str(folder), "current_data_uri": str(folder)}
    return {**uris, **form, "data_timezone": KOLKATA, "feature_columns": FEATURES}


def evaluated(monitor: Monitor, week: int, **fields: Any) -> RunResult:
    return evaluate_run(take(make_run(monitor, week=week, **fields)))


def figures(result: RunResult) -> dict[tuple[str, str, str], Any]:
    return {
        (str(method.reference), method.method.value, detail.feature): (
            detail.verdict.value,
            detail.statistic,
            detail.n_current,
        )
        for method in result.methods
        for detail in method.details
    }


def middle_of_week_2(plain: Path) -> Any:
    return pq.read_table(plain / "week2.parquet")["departs_at"][700].as_py()


def make_both(plain: Path, written: Written, **fields: Any) -> list[Monitor]:
    one = make_flights_monitor(plain, feature_columns=FEATURES, **fields)
    return [one, make_flights_monitor(plain, **fields | written)]


@pytest.mark.parametrize("week", [2, 3])
def test_evaluate_run__other_form__has_the_same_result(
    plain: Path, written: Written, week: int
) -> None:
    one, other = (evaluated(each, week) for each in make_both(plain, written))
    assert (other.verdict, other.rows, other.reason) == (one.verdict, one.rows, one.reason)
    assert figures(other) == figures(one)
    assert other.rows == 2000


def test_evaluate_run__bounds_beside_midnight__hold_the_same_rows(
    plain: Path, written: Written
) -> None:
    start = middle_of_week_2(plain)
    bounds = {"window_start": start, "window_end": start + timedelta(hours=31, minutes=7)}
    one, other = (evaluated(each, 2, **bounds) for each in make_both(plain, written))
    assert one.rows == other.rows
    assert figures(other) == figures(one)


def test_evaluate_run__window_counted_in_parts__has_the_same_result(
    plain: Path, written: Written, override: Callable[..., None], data_root: Path
) -> None:
    monitors = make_both(plain, written)
    data = {"allowed_roots": [str(data_root)], "stream_bytes": 1, "part_bytes": 1}
    override(data=data)
    one, other = (evaluated(each, 2) for each in monitors)
    assert (other.rows, other.verdict) == (one.rows, one.verdict)
    assert figures(other) == figures(one)


def test_evaluate_run__weeks_before__are_the_same(plain: Path, written: Written) -> None:
    monitors = make_both(plain, written, seasonal_weeks=2)
    one, other = (evaluated(each, 3) for each in monitors)
    assert figures(other) == figures(one)
    assert {reference for reference, *_ in figures(one)} == {"baseline", "seasonal"}


def test_baseline__other_form__has_the_same_power_card(plain: Path, written: Written) -> None:
    one, other = (each.baselines.get() for each in make_both(plain, written))
    assert (other.status, other.rows, other.features) == ("ready", one.rows, one.features)
    assert other.calibration == one.calibration


def test_backtest__other_form__judges_the_same(plain: Path, written: Written) -> None:
    windows = []
    for monitor in make_both(plain, written):
        backtest = make_backtest(monitor)
        build_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="w")
        found = Backtest.objects.get(id=backtest.id).windows
        windows.append([window | {"files_read": None} for window in found])
    assert windows[0] == windows[1]
    assert [window["rows"] for window in windows[0]] == [2000, 2000]


def test_outcomes__of_the_data__happen_at_the_same_moments(plain: Path, written: Written) -> None:
    first, second = (evaluated(each, 2) for each in make_both(plain, written, **PREDICTIONS))
    assert first.new_outcomes is not None
    assert second.new_outcomes is not None
    rows, others = first.new_outcomes.rows, second.new_outcomes.rows
    assert rows["occurred_at"].to_pylist() == others["occurred_at"].to_pylist()


def test_evaluate_run__inline_times__are_read_in_the_zone(plain: Path, written: Written) -> None:
    _, monitor = make_both(plain, written, methods=["ks"])
    days = [date(2024, 1, day).isoformat() for day in range(1, 15)] * 100
    rows: dict[str, list[Any]] = {"day": days, "delay": [1.0] * len(days)}
    inline = evaluated(monitor, 2, inline_data=table_to_bytes(table_from_columns(rows)))
    verdict, statistic, count = figures(inline)["baseline", "ks", "day"]
    assert (verdict, count) == ("ok", 1400)
    assert statistic < 0.05


@pytest.mark.parametrize("day", ["2024-01-01", "2024-01-01T00:00:00", "2023-12-31T18:30:00Z"])
def test_evaluate_run__inline_categories__are_moments_of_the_zone(
    plain: Path, written: Written, day: str
) -> None:
    changes = {"methods": ["new_categories"], "feature_kinds": {"day": "categorical"}}
    _, monitor = make_both(plain, written, **changes)
    if "csv_dialect" in written:
        pytest.skip("categories of a CSV reference are its letters")
    inline = table_to_bytes(table_from_columns({"day": [day] * 100}))
    found = figures(evaluated(monitor, 2, inline_data=inline))
    assert found["baseline", "new_categories", "day"][:2] == ("ok", 0)


def test_window_at__zone_of_the_data__does_not_move_windows(plain: Path) -> None:
    tick = make_run(make_flights_monitor(plain), week=3).scheduled_for
    monitor = Monitor(timezone="UTC", data_timezone=KOLKATA, window=WEEK)
    assert monitor.window_at(tick) == (tick - WEEK, tick)
