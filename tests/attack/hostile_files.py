"""Makes files that are small and ask for much: memory, time, or a crash of the reader.

Each maker writes below a folder in seconds and returns the URI to read. `make_all` makes all of
them; an attack reads each with a run, a build and a preview.
"""

import gzip
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

type Maker = Callable[[Path], Path]

MILLION = 1_000_000
MAKERS: dict[str, Maker] = {}


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file, or a folder, that was made to harm its reader."""

    name: str
    uri: str


def make_all(folder: Path, names: tuple[str, ...] = ()) -> Iterator[HostileFile]:
    """Make the files, all of them or those named, each in a folder of its own.

    Args:
        folder: An empty folder that the readers may read.
        names: Keys of `MAKERS`.
    """
    for name in names or tuple(MAKERS):
        place = folder / name
        place.mkdir(parents=True)
        yield HostileFile(name, str(MAKERS[name](place)))


def _maker(make: Maker) -> Maker:
    MAKERS[make.__name__.removeprefix("_")] = make
    return make


def _constant(value: object, dtype: pa.DataType, rows: int) -> pa.DictionaryArray:
    codes = pa.array(np.zeros(rows, np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array([value], dtype))


def _write_parquet(path: Path, table: pa.Table, **options: object) -> Path:
    settings = {"compression": "zstd", "store_schema": False, "row_group_size": 1 << 30} | options
    pq.write_table(table, path, **settings)
    return path


def _write_arrow(path: Path, table: pa.Table, compression: str | None = "zstd") -> Path:
    options = ipc.IpcWriteOptions(compression=compression)
    with ipc.new_file(str(path), table.schema, options=options) as file:
        file.write_table(table, max_chunksize=1 << 30)
    return path


def _repeat_group(path: Path, table: pa.Table, times: int, **options: object) -> Path:
    with pq.ParquetWriter(path, table.schema, compression="zstd", **options) as writer:
        for _ in range(times):
            writer.write_table(table, row_group_size=1 << 30)
    return path


# Parquet: constants, dictionaries and runs.


@_maker
def _parquet_constant_texts(folder: Path) -> Path:
    """A long text in a dictionary, and a code for each of many rows."""
    text = _constant("x" * MILLION, pa.string(), 5 * MILLION)
    return _write_parquet(folder / "x.parquet", pa.table({"text": text}))


@_maker
def _parquet_constant_bytes(folder: Path) -> Path:
    data = _constant(b"x" * MILLION, pa.binary(), 5 * MILLION)
    return _write_parquet(folder / "x.parquet", pa.table({"data": data}))


@_maker
def _parquet_constant_numbers(folder: Path) -> Path:
    """Ten columns of one number."""
    table = pa.table({f"c{each}": np.zeros(10 * MILLION) for each in range(10)})
    return _repeat_group(folder / "x.parquet", table, 6)


@_maker
def _parquet_one_large_row_group(folder: Path) -> Path:
    table = pa.table({"n": np.zeros(100 * MILLION, np.int64)})
    return _write_parquet(folder / "x.parquet", table)


@_maker
def _parquet_wide_fixed_bytes(folder: Path) -> Path:
    data = pa.array([b"x" * 100_000] * 2000, pa.binary(100_000))
    return _repeat_group(folder / "x.parquet", pa.table({"data": data}), 30)


@_maker
def _parquet_shared_prefixes(folder: Path) -> Path:
    """Each text is the one before it: a length, and no byte of its own."""
    table = pa.table({"text": ["x" * MILLION] * 1000})
    encoding = {"text": "DELTA_BYTE_ARRAY"}
    return _repeat_group(
        folder / "x.parquet", table, 5, use_dictionary=False, column_encoding=encoding
    )


@_maker
def _parquet_lists_of_texts(folder: Path) -> Path:
    text = _constant("x" * MILLION, pa.string(), MILLION)
    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, MILLION + 1, 10), pa.int32()), text)
    return _write_parquet(folder / "x.parquet", pa.table({"n": range(len(lists)), "list": lists}))


@_maker
def _parquet_structs_of_texts(folder: Path) -> Path:
    text = _constant("x" * MILLION, pa.string(), MILLION)
    structs = pa.StructArray.from_arrays([text, text], ["a", "b"])
    return _write_parquet(folder / "x.parquet", pa.table({"n": range(MILLION), "s": structs}))


@_maker
def _parquet_decimals(folder: Path) -> Path:
    table = pa.table({"d": pa.array([1] * MILLION, pa.decimal256(70, 3))})
    return _repeat_group(folder / "x.parquet", table, 100)


@_maker
def _parquet_one_huge_text(folder: Path) -> Path:
    text = pa.array(["x" * (200 << 20)])
    rows = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int32)), text)
    return _write_parquet(folder / "x.parquet", pa.table({"text": rows}))


@_maker
def _parquet_many_columns(folder: Path) -> Path:
    names = [f"c{each}" for each in range(100_000)]
    table = pa.Table.from_arrays([pa.array([1, 2])] * len(names), names=names)
    quick = {"use_dictionary": False, "write_statistics": False, "compression": "none"}
    return _write_parquet(folder / "x.parquet", table, **quick)


@_maker
def _parquet_many_row_groups(folder: Path) -> Path:
    table = pa.table({f"c{each}": [1.0, 2.0] for each in range(5)})
    return _repeat_group(folder / "x.parquet", table, 40_000, use_dictionary=False)


@_maker
def _parquet_long_footer(folder: Path) -> Path:
    table = pa.table({"n": [1, 2]}).replace_schema_metadata({"note": "x" * (100 << 20)})
    return _write_parquet(folder / "x.parquet", table, store_schema=True)


@_maker
def _parquet_extreme_times(folder: Path) -> Path:
    ends = pa.array([-(2**63) + 1, 2**63 - 1] * 1000, pa.int64())
    table = pa.table({"ts": ends.cast(pa.timestamp("us")), "n": range(len(ends))})
    return _write_parquet(folder / "x.parquet", table)


def _plain_parquet(folder: Path) -> bytes:
    table = pa.table({"n": range(1000), "text": [str(each) for each in range(1000)]})
    return _write_parquet(folder / "whole.tmp", table, compression="none").read_bytes()


@_maker
def _parquet_cut_short(folder: Path) -> Path:
    path = folder / "x.parquet"
    path.write_bytes(_plain_parquet(folder)[:-100])
    return path


@_maker
def _parquet_forged_page(folder: Path) -> Path:
    """The header of the first page announces other sizes than the page has."""
    data = bytearray(_plain_parquet(folder))
    data[4:24] = (
        b"\x15\x00\x15"
        + b"\xfe\xff\xff\xff\x0f"
        + b"\x15"
        + b"\xfe\xff\xff\xff\x0f"
        + b"\x2c\x15\xd0\x0f"
    )
    path = folder / "x.parquet"
    path.write_bytes(data)
    return path


@_maker
def _parquet_negative_footer(folder: Path) -> Path:
    data = _plain_parquet(folder)
    path = folder / "x.parquet"
    path.write_bytes(data[:-8] + struct.pack("<i", -1) + b"PAR1")
    return path


@_maker
def _parquet_noise_in_pages(folder: Path) -> Path:
    data = bytearray(_plain_parquet(folder))
    noise = np.random.default_rng(7).integers(0, 256, 2000).astype(np.uint8).tobytes()
    data[30:2030] = noise
    path = folder / "x.parquet"
    path.write_bytes(data)
    return path


# Arrow: compressed buffers, dictionaries, runs and views.


@_maker
def _arrow_zstd_zeros(folder: Path) -> Path:
    table = pa.table({"n": np.zeros(200 * MILLION)})
    return _write_arrow(folder / "x.arrow", table)


@_maker
def _arrow_lz4_zeros(folder: Path) -> Path:
    table = pa.table({"n": np.zeros(200 * MILLION)})
    return _write_arrow(folder / "x.arrow", table, "lz4")


@_maker
def _arrow_forged_length(folder: Path) -> Path:
    """The length before a compressed buffer says a tebibyte."""
    path = _write_arrow(folder / "x.arrow", pa.table({"n": np.arange(100_000.0)}))
    data = path.read_bytes()
    true = struct.pack("<q", 800_000)
    path.write_bytes(data.replace(true, struct.pack("<q", 1 << 40), 1))
    return path


@_maker
def _arrow_negative_length(folder: Path) -> Path:
    path = _write_arrow(folder / "x.arrow", pa.table({"n": np.arange(100_000.0)}))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<q", 800_000), struct.pack("<q", -(1 << 40)), 1))
    return path


@_maker
def _arrow_constant_texts(folder: Path) -> Path:
    text = _constant("x" * MILLION, pa.string(), MILLION)
    return _write_arrow(folder / "x.arrow", pa.table({"text": text}))


@_maker
def _arrow_one_run(folder: Path) -> Path:
    runs = pa.RunEndEncodedArray.from_arrays(
        pa.array([2**31 - 1], pa.int32()), pa.array(["x" * 1000])
    )
    return _write_arrow(folder / "x.arrow", pa.table({"text": runs}), None)


@_maker
def _arrow_views_of_one_text(folder: Path) -> Path:
    text = b"x" * MILLION
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    rows = 100_000
    views = pa.Array.from_buffers(
        pa.string_view(), rows, [None, pa.py_buffer(view * rows), pa.py_buffer(text)]
    )
    return _write_arrow(folder / "x.arrow", pa.table({"text": views}))


@_maker
def _arrow_views_of_one_list(folder: Path) -> Path:
    rows = 100_000
    zeros, sizes = np.zeros(rows, np.int32), np.full(rows, MILLION, np.int32)
    lists = pa.ListViewArray.from_arrays(
        pa.array(zeros), pa.array(sizes), pa.array(np.zeros(MILLION))
    )
    return _write_arrow(folder / "x.arrow", pa.table({"list": lists}))


@_maker
def _arrow_nothing_in_many_rows(folder: Path) -> Path:
    return _write_arrow(folder / "x.arrow", pa.table({"nothing": pa.nulls((1 << 30) - 1)}))


@_maker
def _arrow_many_batches(folder: Path) -> Path:
    path, batch = folder / "x.arrow", pa.record_batch({"n": [1.0]})
    with ipc.new_file(str(path), batch.schema) as file:
        for _ in range(40_000):
            file.write_batch(batch)
    return path


@_maker
def _arrow_cut_short(folder: Path) -> Path:
    path = _write_arrow(folder / "x.arrow", pa.table({"n": range(10_000)}))
    path.write_bytes(path.read_bytes()[:-50])
    return path


@_maker
def _arrow_deep_type(folder: Path) -> Path:
    dtype = pa.int64()
    for _ in range(60):
        dtype = pa.struct([("x", dtype)])
    return _write_arrow(folder / "x.arrow", pa.table({"deep": pa.nulls(10, dtype)}))


# CSV: compressed text, misfits, shapes.


def _write_gzip(path: Path, head: bytes, block: bytes, times: int) -> Path:
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(head)
        for _ in range(times):
            file.write(block)
    return path


@_maker
def _csv_gz_rows_of_zeros(folder: Path) -> Path:
    """One and a half gibibytes of short rows, as members that are each compressed once."""
    block = gzip.compress(b"0,0\n" * (16 << 20), 6)
    path = folder / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n") + block * 24)
    return path


@_maker
def _csv_gz_zeros(folder: Path) -> Path:
    return _write_gzip(folder / "x.csv.gz", b"", bytes(16 << 20), 64)


@_maker
def _csv_gz_in_gz(folder: Path) -> Path:
    inner = gzip.compress(b"a,b\n" + b"1,2\n" * MILLION)
    path = folder / "x.csv.gz"
    path.write_bytes(gzip.compress(gzip.compress(inner)))
    return path


@_maker
def _csv_gz_cut_short(folder: Path) -> Path:
    path = _write_gzip(folder / "x.csv.gz", b"a,b\n", b"1,2\n" * MILLION, 1)
    path.write_bytes(path.read_bytes()[:-2000])
    return path


@_maker
def _csv_zip(folder: Path) -> Path:
    path = folder / "x.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", b"a,b\n" + b"1,2\n" * MILLION)
    return path


@_maker
def _csv_misfit_in_each_column(folder: Path) -> Path:
    """A thousand columns of whole numbers, each with one that is none, far below the first block."""
    columns, rows = 1000, 3000
    lines = [",".join(f"c{each}" for each in range(columns))]
    lines += [",".join("1" * columns)] * (rows - columns)
    for column in range(columns):
        values = ["1"] * columns
        values[column] = "1.5"
        lines.append(",".join(values))
    path = folder / "x.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@_maker
def _csv_many_columns(folder: Path) -> Path:
    names = ",".join(f"c{each}" for each in range(100_000))
    path = folder / "x.csv"
    path.write_text(names + "\n" + ("1," * 99_999 + "1\n") * 3)
    return path


@_maker
def _csv_one_long_line(folder: Path) -> Path:
    path = folder / "x.csv"
    path.write_bytes(b"a,b\n1," + b"x" * (100 << 20) + b"\n")
    return path


@_maker
def _csv_open_quote(folder: Path) -> Path:
    path = folder / "x.csv"
    path.write_bytes(b'a,b\n1,"' + b"x,y\n" * (20 << 20))
    return path


# Folders and special files.


@_maker
def _folder_of_many_files(folder: Path) -> Path:
    for number in range(100_000):
        os.close(os.open(folder / f"{number}.csv", os.O_CREAT | os.O_WRONLY))
    (folder / "0.csv").write_text("a\n1\n")
    return folder


@_maker
def _folder_that_is_deep(folder: Path) -> Path:
    place = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    return folder


@_maker
def _folder_of_loops(folder: Path) -> Path:
    """Each of some folders holds links to all of them."""
    names = [f"d{each}" for each in range(8)]
    for name in names:
        (folder / name).mkdir()
    for name in names:
        for other in names:
            (folder / name / f"to-{other}").symlink_to(folder / other)
    return folder


@_maker
def _sparse_parquet(folder: Path) -> Path:
    path = folder / "x.parquet"
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.seek((1 << 40) - 8)
        file.write(struct.pack("<I", 0xFFFFFFF0) + b"PAR1")
    return path


@_maker
def _sparse_arrow(folder: Path) -> Path:
    path = folder / "x.arrow"
    with path.open("wb") as file:
        file.write(b"ARROW1\0\0")
        file.seek((1 << 40) - 10)
        file.write(struct.pack("<i", 0x7FFFFFF0) + b"ARROW1")
    return path


@_maker
def _sparse_csv(folder: Path) -> Path:
    path = folder / "x.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n" * 100_000)
        file.truncate(1 << 40)
    return path


@_maker
def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "x.csv")
    return folder


@_maker
def _link_to_a_device(folder: Path) -> Path:
    (folder / "x.csv").symlink_to("/dev/zero")
    return folder


@_maker
def _socket(folder: Path) -> Path:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("x.csv")
    finally:
        os.chdir(before)
    return folder


def grow(path: Path, text: bytes = b"1,2\n" * 1000) -> Path:
    """Append to a file, as its writer goes on while it is read."""
    with path.open("ab") as file:
        file.write(text)
    return path
