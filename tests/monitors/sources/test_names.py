"""Names of files and columns that look like something else."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.sources import ForbiddenUri, SourcePolicy, WindowSpec, describe, open_window
from tests.monitors.sources.conftest import ReadFolder, Writer, utc

ODD_FILES = (
    "data [1].parquet",
    "a*b.parquet",
    "what?.parquet",
    "100%.parquet",
    "a%20b.parquet",
    "a#b.parquet",
    "größe ✓ 数据.parquet",
    "[a-c]/x{y}.parquet",
    "[!x]**/z.parquet",
)


@pytest.mark.parametrize("name", ODD_FILES)
def test_file__that_exists__is_found_under_its_own_name(
    root: Path, write: Writer, read: ReadFolder, name: str
) -> None:
    write(name, {"x": [1]})
    write("a" + name, {"x": [2]})
    assert read(name)["x"].to_pylist() == [1]
    assert read(Path(name).parent.as_posix())["x"].to_pylist()[-1] in (1, 2)


@pytest.mark.parametrize("name", ODD_FILES)
def test_file__as_an_encoded_uri__is_found(
    root: Path, write: Writer, policy: SourcePolicy, name: str
) -> None:
    path = write(name, {"x": [1]})
    assert describe(f"file://{quote(str(path))}", policy).file_count == 1


def test_folder__named_like_a_pattern__may_hold_a_pattern(write: Writer, read: ReadFolder) -> None:
    write("run[1]/a.parquet", {"x": [1]})
    write("run1/a.parquet", {"x": [2]})
    assert read("run[1]/*.parquet")["x"].to_pylist() == [1]
    assert read("run[1]")["x"].to_pylist() == [1]
    assert sorted(read("*/[a].parquet")["x"].to_pylist()) == [1, 2]


def test_pattern__that_no_file_is_named_like__is_a_pattern(write: Writer, read: ReadFolder) -> None:
    write("run1.parquet", {"x": [1]})
    write("run2.parquet", {"x": [2]})
    assert read("run[12].parquet")["x"].to_pylist() == [1, 2]


def test_name_like_a_pattern__leading_outside__is_forbidden(
    root: Path, tmp_path: Path, read: ReadFolder
) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "secret.parquet")
    (root / "[x].parquet").symlink_to(tmp_path / "secret.parquet")
    with pytest.raises(ForbiddenUri):
        read("[x].parquet")


ODD_COLUMNS = (
    "a.b",
    "a",
    "a,b",
    "x[0]",
    "it's",
    'say "hi"',
    "two\nlines",
    "a b",
    "größe",
    "a.b.c",
    "c/d",
)


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize("name", ODD_COLUMNS)
def test_column__of_any_name__is_read_alone_and_in_a_window(
    write: Writer, root: Path, policy: SourcePolicy, name: str, extension: str
) -> None:
    columns: dict[str, Any] = {each: range(i, i + 9) for i, each in enumerate(ODD_COLUMNS)}
    at = pa.array(range(9), pa.timestamp("s"))
    path = write(f"x.{extension}", {**columns, "t.s": at})
    spec = WindowSpec(str(path), policy, [name], "t.s", utc(1970, 1, 1), utc(1970, 1, 1, 0, 0, 5))
    with open_window(spec) as window:
        assert window.column_names == [name]
        assert window.column(name).to_pylist() == list(columns[name])[:5]
        found = pa.Table.from_batches(window.batches())
    assert found.to_pydict() == {name: list(columns[name])[:5]}


def test_column__named_like_a_nested_one__weighs_what_its_own_values_weigh(
    root: Path, policy: SourcePolicy
) -> None:
    flat, nested = np.arange(1000.0), pa.array([{"b": n, "c": [str(n)]} for n in range(1000)])
    table = pa.table({"m": pa.array([{"k": 1}] * 1000), "a": nested, "a.b": flat, "a.c": flat})
    pq.write_table(table, root / "x.parquet")
    group = pq.read_metadata(root / "x.parquet").row_group(0)
    widths = {"INT64": 8, "DOUBLE": 8, "BYTE_ARRAY": 4}
    leaves = [group.column(each) for each in range(group.num_columns)]
    sizes = [
        max(leaf.total_uncompressed_size, leaf.num_values * widths[leaf.physical_type])
        for leaf in leaves
    ]
    expected = {"m": sizes[:1], "a": sizes[1:3], "a.b": sizes[3:4], "a.c": sizes[4:]}
    for name, leaves in expected.items():
        with open_window(WindowSpec(str(root), policy, [name])) as window:
            assert window.bytes_at_most == sum(leaves)
            assert window.column(name).to_pylist() == table[name].to_pylist()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"x": [1.0, 2.0]}), ()),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=[7, 3]), ("__index_level_0__",)),
        (pd.DataFrame({"x": [1.0]}, index=pd.Index([7], name="id")), ("id",)),
        (
            pd.DataFrame({"x": [1.0]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
            ("__index_level_0__", "__index_level_1__"),
        ),
        (
            pd.DataFrame({"Unnamed: 0": [1], "x": [1.0], "Unnamed: 0.1": [2]}),
            ("Unnamed: 0", "Unnamed: 0.1"),
        ),
        (pd.DataFrame({"x": [1.0], "Unnamed: 5": [1]}), ()),
    ],
)
def test_describe__index_of_a_data_frame__is_named(
    root: Path, policy: SourcePolicy, frame: pd.DataFrame, expected: tuple[str, ...]
) -> None:
    for name in ("x.parquet", "x.feather"):
        path = root / name
        table = pa.Table.from_pandas(frame)
        pq.write_table(table, path) if name.endswith("parquet") else write_arrow(table, path)
        assert describe(str(path), policy).index_columns == expected


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def test_describe__first_csv_column_without_a_name__is_an_index(
    root: Path, policy: SourcePolicy
) -> None:
    pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]}).to_csv(root / "x.csv")
    (root / "y.csv").write_text("x,,c\n1,2,3\n")
    assert describe(str(root / "x.csv"), policy).index_columns == ("",)
    assert describe(str(root / "y.csv"), policy).index_columns == ()


@pytest.mark.parametrize(
    "metadata", [b"no json", b"[]", b'{"index_columns": [1, {}]}', b"\xff", b"null"]
)
def test_describe__odd_pandas_metadata__names_no_index(
    root: Path, policy: SourcePolicy, metadata: bytes
) -> None:
    table = pa.table({"x": [1]}).replace_schema_metadata({b"pandas": metadata})
    pq.write_table(table, root / "x.parquet")
    assert describe(str(root), policy).index_columns == ()
