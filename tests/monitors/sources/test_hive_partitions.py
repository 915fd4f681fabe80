from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from monitors.sources import SchemaMismatch, SourcePolicy, describe
from tests.monitors.sources.conftest import ReadFolder, Writer, utc


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow"])
def test_read_window__hive_folders__become_columns(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    for key, city in ((1, "Paris"), (2, "Saint%20Denis")):
        write(f"zone={key}/city={city}/x.{extension}", {"n": [key * 10]})
    table = read("", columns=["zone", "n", "city"])
    assert table.to_pydict() == {"zone": [1, 2], "n": [10, 20], "city": ["Paris", "Saint Denis"]}


def test_read_window__date_partition_as_timestamp__other_folders_are_not_opened(
    root: Path, write: Writer, read: ReadFolder
) -> None:
    write("dt=2024-01-01/x.parquet", {"n": [1]})
    write("dt=2024-01-02/x.parquet", {"n": [2]})
    (root / "dt=2024-01-03").mkdir()
    (root / "dt=2024-01-03" / "x.parquet").write_bytes(b"damaged")
    table = read(
        "", columns=["n"], timestamp_column="dt", start=utc(2024, 1, 2), end=utc(2024, 1, 3)
    )
    assert table.to_pydict() == {"n": [2]}


def test_read_window__no_folder_in_the_window__empty_with_the_columns(
    write: Writer, read: ReadFolder
) -> None:
    write("dt=2024-01-01/x.parquet", {"n": [1]})
    table = read("", columns=["n", "dt"], timestamp_column="dt", start=utc(2025, 1, 1))
    assert table.schema == pa.schema([("n", pa.int64()), ("dt", pa.date32())])
    assert table.num_rows == 0


def test_read_window__pattern_over_partitions__keys_below_its_fixed_part(
    write: Writer, read: ReadFolder
) -> None:
    for day in ("2023-12-31", "2024-01-01", "2024-01-02"):
        write(f"dt={day}/x.parquet", {"n": [1]})
    table = read("dt=2024-*/*.parquet")
    assert table["dt"].to_pylist() == [date(2024, 1, 1), date(2024, 1, 2)]


def test_read_window__default_partition__is_null(write: Writer, read: ReadFolder) -> None:
    write("zone=1/x.parquet", {"n": [1]})
    write("zone=__HIVE_DEFAULT_PARTITION__/x.parquet", {"n": [2]})
    assert read("", columns=["zone", "n"]).sort_by("n").to_pydict() == {
        "zone": [1, None],
        "n": [1, 2],
    }


def test_read_window__column_also_in_the_file__folder_wins(write: Writer, read: ReadFolder) -> None:
    write("zone=7/x.parquet", {"zone": ["in file"], "n": [1]})
    assert read("").to_pydict() == {"n": [1], "zone": [7]}


def test_read_window__integer_partition_as_timestamp__names_the_type(
    write: Writer, read: ReadFolder
) -> None:
    write("year=2024/x.parquet", {"n": [1]})
    with pytest.raises(SchemaMismatch, match="‘year’ is int64"):
        read("", timestamp_column="year", start=utc(2024, 1, 1))


def test_describe__partitions__listed_apart_and_among_the_columns(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    paths = [write(f"dt=2024-01-0{day}/x.parquet", {"n": [day]}) for day in (1, 2)]
    found = describe(str(root), policy)
    assert found.columns == {"n": pa.int64(), "dt": pa.date32()}
    assert (found.partition_columns, found.format, found.file_count) == (("dt",), "parquet", 2)
    assert found.total_bytes == sum(path.stat().st_size for path in paths)
