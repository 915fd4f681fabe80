"""The files of a folder that are data, and the folders that are not loose files."""

import json
from pathlib import Path

import pytest

from monitors.sources import SourcePolicy, UnreadableSource, describe
from monitors.sources.formats import SkippedFile
from tests.monitors.sources.conftest import ReadFolder, Writer

FOREIGN = ("2.parquet.tmp", "2.parquet.crc", "README.md", "manifest.json", "no_extension")
LEFT_BY_WRITERS = (
    "_SUCCESS",
    "_temporary/0/3.parquet",
    "_metadata",
    ".3.parquet.crc",
    ".hidden/4.parquet",
)


def touch(root: Path, name: str, content: bytes = b"PAR1 of another writer") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [*FOREIGN, *LEFT_BY_WRITERS])
@pytest.mark.parametrize("place", ["", "**", "*"])
def test_folder__foreign_file__is_no_part_of_the_dataset(
    root: Path, write: Writer, read: ReadFolder, name: str, place: str
) -> None:
    write("1.parquet", {"x": [1, 2]})
    touch(root, name)
    assert read(place)["x"].to_pylist() == [1, 2]


def test_folder__foreign_and_empty_files__are_listed_with_their_reasons(
    root: Path, write: Writer, policy: SourcePolicy
) -> None:
    write("1.parquet", {"x": [1]})
    touch(root, "2.parquet", b"")
    touch(root, "notes.txt")
    touch(root, "_SUCCESS", b"")
    assert describe(str(root), policy).files_skipped == (
        SkippedFile("2.parquet", "the file is empty"),
        SkippedFile("notes.txt", "its extension is of no known format"),
    )


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "x.parquet", "‘x.parquet’ cannot be read: the file is empty"),
        (b"", "x.arrow", "‘x.arrow’ cannot be read: the file is empty"),
        (b"x", "x.txt", "The format of ‘x.txt’ is unknown"),
        (b"x", "x.parquet.tmp", "The format of ‘x.parquet.tmp’ is unknown"),
    ],
)
@pytest.mark.parametrize("is_folder", [True, False])
def test_folder__nothing_of_a_known_format__is_refused(
    root: Path, read: ReadFolder, content: bytes, name: str, sentence: str, is_folder: bool
) -> None:
    touch(root, name, content)
    with pytest.raises(UnreadableSource, match=sentence):
        read("" if is_folder else name)


def test_folder__partition_key_with_an_underscore__is_data(write: Writer, read: ReadFolder) -> None:
    write("_day=2024-01-01/1.parquet", {"x": [1]})
    assert read("").column_names == ["x", "_day"]


LAKES = [
    ("Delta Lake", "_delta_log/00000000000000000000.json"),
    ("Apache Hudi", ".hoodie/hoodie.properties"),
    ("Apache Iceberg", "metadata/00000-1f0.metadata.json"),
    ("Apache Iceberg", "metadata/v1.gz.metadata.json"),
    ("Apache Iceberg", "metadata/version-hint.text"),
]


@pytest.mark.parametrize(("name", "marker"), LAKES)
@pytest.mark.parametrize(
    "place",
    [
        "",
        "table",
        "table/",
        "table/*.parquet",
        "table/part-0.parquet",
        "table/data",
        "table/data/day=1/*.parquet",
        "table/data/day=1/part-1.parquet",
        "**/*.parquet",
        "*/part-0.parquet",
    ],
)
def test_lake__any_way_into_a_table__is_refused_by_its_name(
    root: Path, write: Writer, read: ReadFolder, name: str, marker: str, place: str
) -> None:
    write("table/part-0.parquet", {"x": [1]})
    write("table/data/day=1/part-1.parquet", {"x": [2]})
    touch(root, f"table/{marker}", json.dumps({}).encode())
    with pytest.raises(UnreadableSource, match=f"is a table of {name}"):
        read(place)


def test_lake__a_plain_folder_beside_a_table__is_read(
    root: Path, write: Writer, read: ReadFolder
) -> None:
    write("plain/1.parquet", {"x": [1]})
    write("plain/metadata/2.parquet", {"x": [2]})
    touch(root, "table/_delta_log/0.json")
    assert read("plain")["x"].to_pylist() == [1, 2]
    assert read("plain/*.parquet")["x"].to_pylist() == [1]


def test_lake__above_the_root_of_the_tenant__says_nothing(
    root: Path, write: Writer, read: ReadFolder
) -> None:
    touch(root.parent, "_delta_log/0.json")
    write("1.parquet", {"x": [1]})
    assert read("")["x"].to_pylist() == [1]
