"""A run says which rows and files it read or skipped; the oracle is what the test wrote."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from detections.backtests.services import build_backtest
from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from monitors.sources import table_from_columns, table_to_bytes
from tests.data import TIMESTAMPS
from tests.factories import WEEK, make_backtest, make_flights_monitor, make_run

DAY = timedelta(days=1)
MONDAY = TIMESTAMPS[3]
FOREIGN = "its extension is of no known format"
EMPTY = "the file is empty"


def write_gzip(table: pa.Table, path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "gzip") as stream:
        pacsv.write_csv(table, stream)


WRITERS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "parquet": pq.write_table,
    "csv": pacsv.write_csv,
    "csv.gz": write_gzip,
    "arrow": feather.write_feather,
}


def rows_from(start: datetime, rows: int) -> pa.Table:
    """Rows of one day, a second apart."""
    random = np.random.default_rng(rows)
    times = [start + timedelta(seconds=n) for n in range(rows)]
    return pa.table(
        {
            "departs_at": pa.array(times, pa.timestamp("us", "UTC")),
            "delay": random.normal(10, 10, rows),
            "distance": random.integers(100, 3000, rows),
            "carrier": random.choice(["A", "B", "C"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def finish(run: DetectionRun) -> DetectionRun:
    """One attempt by Celery's task, whatever the run waits for."""
    DetectionRun.objects.filter(id=run.id).update(not_before=None)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def check(monitor: Monitor, **fields: Any) -> DetectionRun:
    return finish(make_run(monitor, **fields))


def counts(run: DetectionRun) -> tuple[int | None, int | None, dict[str, str]]:
    assert len(run.files_skipped) == run.files_skipped_count
    return (
        run.rows_read,
        run.files_read,
        {each["file"]: each["reason"] for each in run.files_skipped},
    )


@pytest.fixture
def folder(data_root: Path) -> Path:
    """A folder to which the tests write the week of the run."""
    folder = data_root / "days"
    folder.mkdir()
    return folder


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path, folder: Path) -> Monitor:
    """A monitor of `folder`, with the baseline of `flights`."""
    return make_flights_monitor(flights, current_data_uri=str(folder))


@pytest.fixture(params=["whole", "streamed", "divided"])
def way(request: pytest.FixtureRequest, data_root: Path, override: Callable[..., None]) -> str:
    """Each way in which a window is judged."""
    data: dict[str, Any] = {"allowed_roots": [str(data_root)]}
    if request.param != "whole":
        data["stream_bytes"] = 1
    if request.param == "divided":
        data["part_bytes"] = 1
    override(data=data)
    return str(request.param)


@pytest.mark.parametrize("extension", WRITERS)
def test_execute__folder_with_more_than_data__counts_what_it_read_and_skipped(
    monitor: Monitor, folder: Path, way: str, extension: str
) -> None:
    for day, rows in enumerate([300, 400, 500]):
        (folder / f"day={day}").mkdir()
        WRITERS[extension](rows_from(MONDAY + day * DAY, rows), folder / f"day={day}/a.{extension}")
    (folder / f"day=2/b.{extension}").touch()
    (folder / "README.txt").write_text("Flights by day.")
    (folder / f"day=0/a.{extension}.crc").write_bytes(b"crc")
    for hidden in ("_SUCCESS", f"day=0/.a.{extension}.crc", f".part.{extension}"):
        (folder / hidden).write_bytes(b"not data")
    run = check(monitor)
    assert (run.status, run.verdict, run.rows) == ("succeeded", "ok", 1200)
    skipped = {
        "README.txt": FOREIGN,
        f"day=0/a.{extension}.crc": FOREIGN,
        f"day=2/b.{extension}": EMPTY,
    }
    assert counts(run) == (1200, 3, skipped)
    names = ", ".join(f"‘{name}’ ({reason})" for name, reason in sorted(skipped.items()))
    assert run.reason == f"3 of 6 files were skipped: {names}."


def test_execute__no_file_skipped__has_no_reason(monitor: Monitor, folder: Path, way: str) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    run = check(monitor)
    assert (counts(run), run.reason) == ((300, 1, {}), "")


def test_execute__files_of_other_times__are_neither_read_nor_skipped(
    monitor: Monitor, folder: Path, way: str
) -> None:
    for name, start in {"before": MONDAY - DAY, "inside": MONDAY, "after": MONDAY + WEEK}.items():
        pq.write_table(rows_from(start, 300), folder / f"{name}.parquet")
    straddling = pa.concat_tables([rows_from(MONDAY - DAY, 100), rows_from(MONDAY + DAY, 40)])
    pq.write_table(straddling, folder / "straddling.parquet", row_group_size=100)
    pq.write_table(rows_from(MONDAY, 0), folder / "without_rows.parquet")
    assert counts(check(monitor)) == (340, 2, {})


def test_execute__folders_of_days__are_read_by_their_names(
    flights: Path, folder: Path, monitor: Monitor
) -> None:
    for day in range(-1, 3):
        date = f"{MONDAY + day * DAY:%Y-%m-%d}"
        (folder / f"departs_at={date}").mkdir()
        table = rows_from(MONDAY, 200).drop_columns(["departs_at"])
        pacsv.write_csv(table, folder / f"departs_at={date}/a.csv")
    assert counts(check(monitor)) == (600, 3, {})


def test_execute__csv_without_a_row_of_the_window__has_been_read(
    monitor: Monitor, folder: Path, way: str
) -> None:
    pacsv.write_csv(rows_from(MONDAY - DAY, 300), folder / "a.csv")
    pacsv.write_csv(rows_from(MONDAY, 300), folder / "b.csv")
    assert counts(check(monitor)) == (300, 2, {})


def test_execute__no_row_in_the_window__is_no_data_with_the_files(
    monitor: Monitor, folder: Path, way: str
) -> None:
    pq.write_table(rows_from(MONDAY - DAY, 300), folder / "a.parquet")
    (folder / "b.parquet").touch()
    run = check(monitor)
    assert (run.verdict, counts(run)) == ("no_data", (0, 0, {"b.parquet": EMPTY}))
    reason = "The window holds no row. 1 of 2 files was skipped: ‘b.parquet’ (the file is empty)."
    assert run.reason == reason


def test_execute__no_file_at_all__fails_and_has_read_nothing(
    monitor: Monitor, folder: Path
) -> None:
    run = check(monitor)
    assert (run.status, run.verdict, counts(run)) == ("failed", "error", (None, None, {}))
    assert "There is no data file" in run.reason


def test_execute__column_of_another_type__costs_the_column_and_all_files_are_read(
    monitor: Monitor, folder: Path, way: str
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    table = rows_from(MONDAY + DAY, 300)
    texts = pa.array([f"{value} min" for value in table["delay"].to_pylist()])
    pq.write_table(table.set_column(1, "delay", texts), folder / "b.parquet")
    run = check(monitor)
    assert (run.verdict, run.rows, counts(run)) == ("error", 600, (600, 2, {}))
    assert "b.parquet" in run.reason


def test_execute__file_without_the_time_column__fails_with_its_name(
    monitor: Monitor, folder: Path, way: str
) -> None:
    """Its rows could be in any window, so that the others alone would be silently fewer."""
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    pq.write_table(rows_from(MONDAY, 300).drop_columns(["departs_at"]), folder / "b.parquet")
    run = check(monitor)
    assert (run.status, run.verdict, counts(run)) == ("failed", "error", (None, None, {}))
    assert run.reason == "‘b.parquet’ has no timestamp column ‘departs_at’."


def test_execute__damaged_file__fails_with_its_name(
    monitor: Monitor, folder: Path, way: str
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    pq.write_table(rows_from(MONDAY, 300), folder / "b.parquet")
    content = bytearray((folder / "b.parquet").read_bytes())
    content[4:-1000] = bytes(len(content) - 1004)
    (folder / "b.parquet").write_bytes(content)
    run = check(monitor)
    assert (run.status, run.verdict, counts(run)) == ("failed", "error", (None, None, {}))
    assert "‘b.parquet’ cannot be read" in run.reason


@pytest.mark.parametrize("extension", ["parquet", "arrow", "csv.gz"])
def test_execute__half_written_file__is_tried_again_until_it_is_whole(
    monitor: Monitor, folder: Path, way: str, extension: str
) -> None:
    for name in ("a", "b"):
        WRITERS[extension](rows_from(MONDAY, 300), folder / f"{name}.{extension}")
    whole = (folder / f"b.{extension}").read_bytes()
    (folder / f"b.{extension}").write_bytes(whole[: len(whole) // 2])
    run = check(monitor)
    assert (run.status, counts(run)) == ("queued", (None, None, {}))
    assert run.not_before is not None
    assert f"‘b.{extension}’ cannot be read: it is cut short" in run.reason
    (folder / f"b.{extension}").write_bytes(whole)
    run = finish(run)
    assert (run.verdict, counts(run), run.reason) == ("ok", (600, 2, {}), "")


def test_execute__file_stays_half_written__last_attempt_names_it(
    monitor: Monitor, folder: Path
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    (folder / "b.parquet").write_bytes((folder / "a.parquet").read_bytes()[:-20])
    run = make_run(monitor)
    for _ in range(3):
        run = finish(run)
    assert (run.status, run.verdict, run.attempt) == ("failed", "error", 3)
    assert "‘b.parquet’ cannot be read: it is cut short" in run.reason


def test_execute__weeks_before__have_files_of_their_own(monitor: Monitor, folder: Path) -> None:
    Monitor.objects.update(seasonal_weeks=2)
    for week in range(3):
        pq.write_table(rows_from(MONDAY - week * WEEK, 300), folder / f"{week}.parquet")
    (folder / "b.parquet").touch()
    run = check(monitor)
    assert (run.rows, counts(run)) == (300, (300, 1, {"b.parquet": EMPTY}))
    assert run.reason == "1 of 4 files was skipped: ‘b.parquet’ (the file is empty)."


def test_execute__rows_sent__are_read_from_no_file(monitor: Monitor) -> None:
    table = rows_from(MONDAY, 100).drop_columns(["departs_at"])
    inline = table_to_bytes(table_from_columns(table.to_pydict()))
    run = check(monitor, inline_data=inline)
    assert (run.rows, counts(run)) == (100, (100, None, {}))


def test_execute__no_column_of_times__reads_all_files(monitor: Monitor, folder: Path) -> None:
    Monitor.objects.update(timestamp_column="", reference_start=None, reference_end=None)
    for week in range(2):
        pq.write_table(rows_from(MONDAY - week * WEEK, 300), folder / f"{week}.parquet")
    pq.write_table(rows_from(MONDAY, 0), folder / "without_rows.parquet")
    assert counts(check(monitor)) == (600, 2, {})


def test_execute__many_skipped_files__keeps_twenty_and_counts_all(
    monitor: Monitor, folder: Path
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    for number in range(25):
        (folder / f"{number:02}{'x' * 240}.txt").touch()
    run = check(monitor)
    assert (run.verdict, run.files_skipped_count, len(run.files_skipped)) == ("ok", 25, 20)
    assert {len(each["file"]) for each in run.files_skipped} == {201}
    assert run.reason.startswith("25 of 26 files were skipped: ‘00xx")
    assert run.reason.endswith(" and 20 more.")


def test_execute__pattern__skips_nothing_that_it_does_not_match(
    monitor: Monitor, folder: Path
) -> None:
    Monitor.objects.update(current_data_uri=str(folder / "[ab]*"))
    for name in ("a.parquet", "c.parquet"):
        pq.write_table(rows_from(MONDAY, 300), folder / name)
    (folder / "b.tmp").touch()
    (folder / "c.tmp").touch()
    assert counts(check(monitor)) == (300, 1, {"b.tmp": FOREIGN})


def test_build_backtest__folder_with_more_than_data__counts_in_each_window(
    monitor: Monitor, folder: Path
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    (folder / "b.parquet").touch()
    backtest = make_backtest(monitor, weeks=(2, 4))
    build_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1")
    backtest.refresh_from_db()
    names = ("rows_read", "files_read", "files_skipped_count")
    found = [[window[name] for name in names] for window in backtest.windows]
    assert found == [[0, 0, 1], [300, 1, 1]]
    assert all("‘b.parquet’" in window["reason"] for window in backtest.windows)


def test_read_run__api__shows_the_counts_in_the_list_and_by_itself(
    monitor: Monitor, folder: Path, api: APIClient
) -> None:
    pq.write_table(rows_from(MONDAY, 300), folder / "a.parquet")
    (folder / "README.txt").touch()
    run = check(monitor)
    (listed,) = api.get("/api/v1/runs").json()["results"]
    alone = api.get(f"/api/v1/runs/{run.id}").json()
    for shown in (listed, alone):
        assert (shown["rows"], shown["rows_read"], shown["files_read"]) == (300, 300, 1)
        assert shown["files_skipped"] == [{"file": "README.txt", "reason": FOREIGN}]
        assert shown["files_skipped_count"] == 1
        assert "README.txt" in shown["reason"]
        assert str(folder) not in str(shown)
