from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    CsvDialect,
    SourcePolicy,
    UnreadableSource,
    WindowSpec,
    describe,
    formats,
    read_window,
)
from monitors.sources.datasets import open_dataset
from monitors.sources.formats import FORMATS, FileFormat, detect_format
from monitors.sources.listing import SourceFile

TABLE = pa.table({"n": [1, 2, 3], "text": ["a", "b", None]})

WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "parquet": pq.write_table,
    "csv": pacsv.write_csv,
    "arrow": feather.write_feather,
}
"""Writes a table as a file, by the name of the format."""

each_format = pytest.mark.parametrize("file_format", FORMATS, ids=lambda each: each.name)


@pytest.fixture
def written(file_format: FileFormat, root: Path) -> str:
    """A dataset of one file, which pyarrow's own writer made."""
    path = root / "data" / f"part-0{file_format.extensions[0]}"
    path.parent.mkdir()
    WRITERS[file_format.name](TABLE, path)
    return str(path.parent)


def test_registry__holds_every_format_module() -> None:
    names = [found.name for found in iter_modules(formats.__path__)]
    modules = [import_module(f"{formats.__name__}.{name}") for name in names]
    described = {
        id(value)
        for module in modules
        for value in vars(module).values()
        if isinstance(value, FileFormat)
    }
    assert described == {id(each) for each in FORMATS}


def test_registry__names_and_extensions_are_unique() -> None:
    extensions = [extension for each in FORMATS for extension in each.extensions]
    assert len(set(extensions)) == len(extensions)
    assert len({each.name for each in FORMATS}) == len(FORMATS)


@each_format
def test_detect_format__every_extension_in_any_case(file_format: FileFormat) -> None:
    for extension in file_format.extensions:
        assert extension.startswith(".")
        assert extension == extension.lower()
        for name in (f"data{extension}", f"DATA{extension.upper()}"):
            assert detect_format([SourceFile(name, name, 1)]) is file_format


@each_format
def test_format__a_file_of_pyarrows_writer_is_read_back(
    file_format: FileFormat, written: str, policy: SourcePolicy
) -> None:
    assert describe(written, policy).format == file_format.name
    assert read_window(WindowSpec(written, policy)).to_pydict() == TABLE.to_pydict()


@each_format
def test_format__footer_rows_are_the_rows_of_the_file(
    file_format: FileFormat, written: str, policy: SourcePolicy
) -> None:
    fragments = open_dataset(written, policy).fragments
    if file_format.footer_rows is not None:
        assert [file_format.footer_rows(each) for each in fragments] == [TABLE.num_rows]


@pytest.mark.parametrize("name", ["x.tsv", "X.TSV", "x.csv"])
def test_tsv__without_a_delimiter__is_divided_by_tabs(
    root: Path, policy: SourcePolicy, name: str
) -> None:
    mark = "," if name.endswith("csv") else "\t"
    (root / name).write_text(f"n{mark}text\n1{mark}a b\n2{mark}\n")
    table = read_window(WindowSpec(str(root / name), policy))
    assert table.to_pydict() == {"n": [1, 2], "text": ["a b", None]}


def test_tsv__beside_csv__is_one_format(root: Path, policy: SourcePolicy) -> None:
    (root / "1.csv").write_text("n,m\n1,2\n")
    (root / "2.tsv").write_text("n\tm\n3\t4\n")
    found = read_window(WindowSpec(str(root), policy))
    assert found.to_pydict() == {"n": [1, 3], "m": [2, 4]}


def test_tsv__delimiter_that_is_named__goes_first(root: Path, policy: SourcePolicy) -> None:
    (root / "x.tsv").write_text("n,m\n1,2\n")
    spec = WindowSpec(str(root / "x.tsv"), policy, dialect=CsvDialect(delimiter=","))
    assert read_window(spec).to_pydict() == {"n": [1], "m": [2]}
    with pytest.raises(UnreadableSource, match="separated by commas, not by tabs"):
        read_window(WindowSpec(str(root / "x.tsv"), policy))


@pytest.mark.parametrize("name", ["x.pq", "x.parq", "X.PQ"])
def test_parquet__short_names__are_known(root: Path, policy: SourcePolicy, name: str) -> None:
    pq.write_table(TABLE, root / name)
    assert describe(str(root), policy).format == "parquet"
    assert read_window(WindowSpec(str(root), policy)).equals(TABLE)
