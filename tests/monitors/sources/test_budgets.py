"""Budgets are asked before values are decoded: a small file must not take much memory or time."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    ColumnType,
    SourceError,
    SourceLimits,
    SourceNotFound,
    SourcePolicy,
    SourceTooLarge,
    WindowSpec,
    WindowTooLarge,
    describe,
    describe_window,
    open_window,
    read_window,
)
from monitors.sources import row_groups as row_groups_module
from monitors.sources.arrow_bodies import measure_file
from monitors.sources.plain_sizes import plain_bytes, split_plain
from monitors.sources.scans import Scan
from monitors.sources.source_limits import DEFAULT_LIMITS
from tests.attack.hostile_files import MAKERS, make_all
from tests.monitors.sources.conftest import Writer

ROOT = Path(__file__).resolve().parents[3]
FEW = (
    "parquet_constant_texts",
    "parquet_constant_bytes",
    "parquet_wide_fixed_bytes",
    "parquet_lists_of_texts",
    "parquet_structs_of_texts",
    "arrow_constant_texts",
    "arrow_forged_length",
    "arrow_one_run",
    "arrow_views_of_one_text",
    "csv_gz_rows_of_zeros",
    "csv_many_columns",
)
"""Files of each kind, that are made and refused in a second or two."""
QUICK = (
    "parquet_cut_short",
    "parquet_forged_page",
    "parquet_negative_footer",
    "parquet_noise_in_pages",
    "parquet_extreme_times",
    "arrow_negative_length",
    "arrow_many_batches",
    "arrow_cut_short",
    "arrow_deep_type",
    "csv_gz_in_gz",
    "csv_gz_cut_short",
    "csv_zip",
    "folder_that_is_deep",
    "sparse_parquet",
    "sparse_arrow",
    "pipe",
    "link_to_a_device",
    "socket",
)
MOST_MIB = {"csv_many_columns": 256, "parquet_lists_of_texts": 256}
"""Of files that are refused before anything of them is decoded."""
READ = """
import resource, sys
from monitors.sources import SourceError, SourcePolicy, WindowSpec, describe_window, open_window
from monitors.sources.source_limits import SourceLimits
def grown():
    status = open("/proc/self/status").read().split("VmHWM:")[1]
    return int(status.split()[0]) // 1024
limits = SourceLimits(inflated_bytes=1 << 30)
policy = SourcePolicy(allowed_roots=(sys.argv[2],), max_window_bytes=256 << 20, limits=limits)
before = grown()
try:
    spec = WindowSpec(sys.argv[1], policy)
    names = list(describe_window(spec, is_whole=True).columns)
    with open_window(WindowSpec(sys.argv[1], policy, names)) as window:
        for name in names:
            window.column(name)
except SourceError as error:
    print(error.reason)
print(grown() - before)
"""


@pytest.mark.parametrize("name", FEW)
def test_open_window__hostile_file__takes_little_memory(tmp_path: Path, name: str) -> None:
    (file,) = make_all(tmp_path, (name,))
    command = [sys.executable, "-c", READ, file.uri, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    *_, grown = done.stdout.splitlines()
    assert int(grown) < MOST_MIB.get(name, 1024), done.stdout


@pytest.mark.parametrize("name", QUICK)
def test_open_window__strange_file__is_read_or_refused_with_a_reason(
    tmp_path: Path, name: str
) -> None:
    (file,) = make_all(tmp_path, (name,))
    policy = SourcePolicy(allowed_roots=(str(tmp_path),))
    assert outcome(WindowSpec(file.uri, policy)).endswith(("is read", "."))


def outcome(spec: WindowSpec) -> str:
    """The reason against a window, or that it is read; any other error is one of the test."""
    try:
        describe_window(spec, is_whole=True)
        read_window(spec)
    except SourceError as error:
        return error.reason
    return "is read"


def test_makers__are_at_least_thirty() -> None:
    assert len(MAKERS) >= 30


def limited(root: Path, **limits: int) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(root),), limits=SourceLimits(**limits))


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow"])
def test_describe__more_columns_than_allowed__refused_by_name(
    write: Writer, root: Path, name: str
) -> None:
    write(name, {f"c{each}": [1] for each in range(11)})
    with pytest.raises(SourceTooLarge, match=rf"11 columns in ‘{name}’; the limit is 10\."):
        describe(str(root), limited(root, columns=10))
    assert len(describe(str(root), limited(root, columns=11)).columns) == 11


def test_describe__more_row_groups_than_allowed__refused_by_name(root: Path) -> None:
    pq.write_table(pa.table({"n": range(6)}), root / "x.parquet", row_group_size=1)
    with pytest.raises(SourceTooLarge, match=r"6 row groups in ‘x.parquet’; the limit is 5\."):
        describe(str(root), limited(root, row_groups=5))


def test_open_window__row_groups_of_all_files__are_limited(root: Path) -> None:
    for name in "ab":
        pq.write_table(pa.table({"n": range(3)}), root / f"{name}.parquet", row_group_size=1)
    window = open_window(WindowSpec(str(root), limited(root, row_groups=5)))
    with pytest.raises(SourceTooLarge, match="more than 5 row groups in the window"):
        window.column("n")


def test_describe__more_record_batches_than_allowed__refused(root: Path) -> None:
    feather.write_feather(pa.table({"n": range(6)}), root / "x.arrow", chunksize=1)
    with pytest.raises(SourceTooLarge, match="more than 5 record batches"):
        read_window(WindowSpec(str(root), limited(root, row_groups=5)))


def test_describe__more_files_than_allowed__refused(write: Writer, root: Path) -> None:
    for number in range(3):
        write(f"{number}.parquet", {"n": [1]})
    with pytest.raises(SourceTooLarge, match=r"3 files at .*; the limit is 2\."):
        describe(str(root), limited(root, files=2))


def test_describe__more_entries_than_allowed__refused_while_they_are_listed(
    write: Writer, root: Path
) -> None:
    for number in range(3):
        write(f"{number}/x.parquet", {"n": [1]})
    with pytest.raises(SourceTooLarge, match="more than 4 files and folders"):
        describe(str(root), limited(root, entries=4))
    assert describe(str(root), limited(root, entries=6)).file_count == 3


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_describe__longer_footer_than_allowed__refused(root: Path, name: str) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"note": "x" * 5000})
    write = pq.write_table if name.endswith("parquet") else feather.write_feather
    write(table, root / name)
    with pytest.raises(SourceTooLarge, match=f"The footer of ‘{name}’ has"):
        describe(str(root), limited(root, footer_bytes=4000))


def test_read_window__compressed_text__is_counted_by_the_block(root: Path) -> None:
    path = root / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * (2 << 20)))
    with pytest.raises(SourceTooLarge, match="unpacks to more than 4 MiB"):
        read_window(WindowSpec(str(root), limited(root, inflated_bytes=16 << 20)))
    table = read_window(WindowSpec(str(root), limited(root, inflated_bytes=36 << 20)))
    assert table.num_rows == 2 << 20


def test_open_window__constants__weigh_what_they_decode_to(
    root: Path, policy: SourcePolicy
) -> None:
    pq.write_table(pa.table({"n": np.zeros(1 << 20)}), root / "x.parquet")
    with open_window(WindowSpec(str(root), policy)) as window:
        assert window.bytes_at_most == 8 << 20


def test_open_window__few_bytes_for_many_values__refused_before_they_are_read(root: Path) -> None:
    pq.write_table(pa.table({"n": np.zeros(1 << 20)}), root / "x.parquet")
    window = open_window(WindowSpec(str(root), limited(root, inflated_bytes=4 << 20)))
    with pytest.raises(SourceTooLarge, match="more than 100 times"):
        window.column("n")


def test_read_window__long_text_of_a_dictionary__refused_before_it_is_repeated(
    root: Path, policy: SourcePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = make_all(root, ("parquet_constant_texts",))
    with pytest.raises(WindowTooLarge, match="more than"):
        read_window(WindowSpec(file.uri, policy))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups are read in pieces of a few rows."""
    monkeypatch.setattr(row_groups_module, "LARGEST_PIECE", 1000)


MIXED = pa.table(
    {
        "ts": pa.array(np.arange(5000), pa.timestamp("s", "UTC")),
        "text": [None if row % 7 == 0 else f"t{row % 11}" for row in range(5000)],
        "long": [f"{row}" * 3 for row in range(5000)],
        "data": pa.array([f"{row % 5}".encode() for row in range(5000)]),
        "n": pa.array(range(5000), pa.int32()),
        "list": [[f"a{row}", None] if row % 3 else None for row in range(5000)],
    }
)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("options", [{}, {"row_group_size": 1700}, {"use_dictionary": False}])
def test_open_window__read_in_pieces__same_rows(
    root: Path, policy: SourcePolicy, options: dict[str, object]
) -> None:
    pq.write_table(MIXED, root / "x.parquet", **options)
    start, end = (MIXED["ts"][row].as_py() for row in (100, 4321))
    spec = WindowSpec(str(root), policy, MIXED.column_names, "ts", start, end)
    expected = MIXED.slice(100, 4221)
    assert read_window(spec).to_pylist() == expected.to_pylist()
    with open_window(spec) as window:
        for name in MIXED.column_names:
            assert window.column(name).to_pylist() == expected[name].to_pylist()
    with open_window(spec) as window:
        batches = list(window.batches())
    assert len(batches) > 3
    assert [row for batch in batches for row in batch.to_pylist()] == expected.to_pylist()


@pytest.mark.usefixtures("small_pieces")
def test_num_rows__large_column_of_times__is_read_in_pieces(
    root: Path, policy: SourcePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(MIXED, root / "x.parquet")
    start, end = (MIXED["ts"][row].as_py() for row in (100, 4321))
    monkeypatch.setattr(row_groups_module.RowGroupReader, "_read_stored", None)
    with open_window(WindowSpec(str(root), policy, ["n"], "ts", start, end)) as window:
        assert window.num_rows == 4221


def test_open_window__texts_in_deltas__are_read(root: Path, policy: SourcePolicy) -> None:
    for name in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):
        pq.write_table(
            MIXED.select(["text"]),
            root / "x.parquet",
            use_dictionary=False,
            column_encoding={"text": name},
        )
        with open_window(WindowSpec(str(root), policy)) as window:
            assert window.column("text").to_pylist() == MIXED["text"].to_pylist()


@pytest.mark.parametrize("compression", ["zstd", "lz4", "uncompressed"])
def test_measure_file__each_type__weighs_what_pyarrow_holds(root: Path, compression: str) -> None:
    table = MIXED.append_column("d", MIXED["text"].dictionary_encode()).append_column(
        "s", pa.array([{"x": row, "y": [row]} for row in range(5000)])
    )
    feather.write_feather(table, root / "x.arrow", compression=compression)
    for name in table.column_names:
        size = measure_file(
            pa.fs.LocalFileSystem(),
            str(root / "x.arrow"),
            table.schema,
            [name],
            limits=DEFAULT_LIMITS,
        )
        held = sum(batch.rows for batch in size.batches)
        assert held == 5000
        stored = size.bytes if name == "d" else size.bytes - size.dictionary_bytes
        assert stored == pytest.approx(table[name].nbytes, abs=64)


def test_plain_bytes__encodings__weigh_what_their_values_weigh() -> None:
    texts = pa.array(["x" * 1000, "y"])
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 0, 1, None], pa.int8()), texts)
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([3, 10**9], pa.int32()), texts)
    views = pa.array(["x" * 1000, "y", None], pa.string_view())
    assert plain_bytes(codes) == pytest.approx(codes.cast(pa.string()).nbytes, abs=64)
    assert plain_bytes(views) == pytest.approx(views.cast(pa.string()).nbytes, abs=64)
    assert plain_bytes(runs) > 9 * 10**9
    assert plain_bytes(runs.slice(10, 10)) == 90


def test_split_plain__codes_of_a_long_text__gives_pieces_within_the_bound() -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0] * 1000), pa.array(["x" * 1000]))
    batch = pa.record_batch({"text": codes})
    pieces = list(split_plain(batch, 100_000))
    assert pa.Table.from_batches(pieces).num_rows == 1000
    assert max(piece.column(0).cast(pa.string()).nbytes for piece in pieces) <= 100_000


def count_passes(monkeypatch: pytest.MonkeyPatch, passes: list[object]) -> None:
    """Note each pass over files of text."""
    original = Scan._stored

    def count(scan: Scan, fragments: list[object]) -> object:
        passes.append(fragments)
        return original(scan, fragments)

    monkeypatch.setattr(Scan, "_stored", count)


@pytest.mark.parametrize("is_whole", [True, False])
def test_csv__misfit_in_each_column__takes_a_few_passes(
    root: Path, policy: SourcePolicy, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    (file,) = make_all(root, ("csv_misfit_in_each_column",))
    passes = list[object]()
    count_passes(monkeypatch, passes)
    spec = WindowSpec(file.uri, policy)
    if is_whole:
        types = set(describe_window(spec, is_whole=True).columns.values())
    else:
        types = set(read_window(spec).schema.types)
    assert types == {pa.float64()}
    assert len(passes) <= 7


def test_csv__word_in_each_column_of_numbers__is_found_in_one_more_pass(
    root: Path, policy: SourcePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["1," * 49 + "1"] * 30_000
    (root / "x.csv").write_text(
        "\n".join([",".join(f"c{n}" for n in range(50)), *rows, "a," * 49 + "a"])
    )
    passes = list[object]()
    count_passes(monkeypatch, passes)
    types = {f"c{n}": ColumnType.NUMERIC for n in range(50)}
    window = open_window(WindowSpec(str(root), policy, types=types))
    with pytest.raises(SourceError, match="must hold numbers, but holds ‘a’ in row 30002"):
        window.column("c7")
    assert len(passes) <= 7


FIT = """
import resource, sys
import algorithms.baseline
from algorithms.warm import warm
from monitors.sources import SourcePolicy, WindowSpec, open_window
warm()
policy = SourcePolicy(allowed_roots=(sys.argv[2],))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open_window(WindowSpec(sys.argv[1], policy, ["n"])) as window:
    algorithms.baseline.Baseline.fit(window, {"n": "numeric"}, max_rows=1_000_000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_fit__one_large_row_group__is_never_held_whole(tmp_path: Path) -> None:
    (file,) = make_all(tmp_path, ("parquet_one_large_row_group",))
    command = [sys.executable, "-c", FIT, file.uri, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1024, done.stdout


def test_describe__loops_of_links__each_link_is_resolved_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = make_all(tmp_path, ("folder_of_loops",))
    resolved: list[str] = []
    resolve = os.path.realpath

    def note(path: str, **options: bool) -> str:
        resolved.append(str(path))
        return resolve(path, **options)

    monkeypatch.setattr(os.path, "realpath", note)
    policy = SourcePolicy(allowed_roots=(str(tmp_path),), limits=SourceLimits(entries=2000))
    with pytest.raises(SourceNotFound):
        describe(file.uri, policy)
    links = [path for path in resolved if "/to-d" in path]
    assert 0 < len(links) == len(set(links))
