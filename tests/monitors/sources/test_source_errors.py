import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    IncompleteSource,
    SourceNotFound,
    SourcePolicy,
    SourceUnavailable,
    UnreadableSource,
    WindowSpec,
    describe,
    read_window,
)
from monitors.sources.scans import Scan
from monitors.sources.source_errors import to_source_error
from tests.monitors.sources.conftest import ReadFolder, Writer

NOBODY = 65534


@pytest.mark.parametrize("extension", ["parquet", "arrow"])
@pytest.mark.parametrize("keep", [3, 100, -20])
def test_read_window__empty_or_cut_short__names_the_file_only(
    root: Path, write: Writer, read: ReadFolder, extension: str, keep: int
) -> None:
    write(f"a.{extension}", {"x": range(1000)})
    path = write(f"sub/b.{extension}", {"x": range(1000)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableSource, match=rf"‘sub/b\.{extension}’ cannot be read") as caught:
        read("")
    assert str(root) not in caught.value.reason


@pytest.mark.parametrize("extension", ["parquet", "arrow"])
@pytest.mark.parametrize("keep", [3, 4, 100, -20, -1])
def test_file__that_is_still_being_written__is_worth_a_retry(
    root: Path, write: Writer, read: ReadFolder, extension: str, keep: int
) -> None:
    write(f"a.{extension}", {"x": range(1000)})
    path = write(f"b.{extension}", {"x": range(1000)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        IncompleteSource, match=rf"‘b\.{extension}’ .* still being written"
    ) as caught:
        read("")
    assert caught.value.is_transient


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8b\x08 and more", "compressed with gzip"),
        (b"PK\x03\x04 and more", "a ZIP archive"),
        (b"<!doctype html>", "HTML or XML"),
        (b'{"a": 1}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"a,b\n1,2\n", "it is damaged, cut short, or not in the format"),
    ],
)
@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_file__of_another_format__is_called_what_it_is(
    root: Path, read: ReadFolder, extension: str, content: bytes, words: str
) -> None:
    (root / f"x.{extension}").write_bytes(content)
    with pytest.raises(UnreadableSource, match=words) as caught:
        read("")
    assert not caught.value.is_transient


def test_file__arrow_stream__is_called_a_stream(root: Path, read: ReadFolder) -> None:
    table = pa.table({"x": range(9)})
    with pa.ipc.new_stream(str(root / "x.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(UnreadableSource, match="an Arrow stream, not an Arrow file"):
        read("")


def test_read_window__damaged_page__names_the_file(
    root: Path, write: Writer, read: ReadFolder
) -> None:
    write("a.parquet", {"x": range(1000)})
    pq.write_table(
        pa.table({"x": range(1000)}), root / "b.parquet", compression="none", use_dictionary=False
    )
    spoilt = bytearray((root / "b.parquet").read_bytes())
    spoilt[4:200] = b"\xff" * 196
    (root / "b.parquet").write_bytes(spoilt)
    with pytest.raises(UnreadableSource, match=r"‘b\.parquet’ cannot be read: it is damaged"):
        read("")


def test_read_window__forged_offsets_in_an_arrow_file__refused_before_any_kernel(
    root: Path, read: ReadFolder
) -> None:
    offsets, text = (
        pa.py_buffer(pa.array([0, 1 << 30, 2], pa.int32()).buffers()[1]),
        pa.py_buffer(b"ab"),
    )
    forged = pa.StringArray.from_buffers(2, offsets, text)
    schema = pa.schema([("x", pa.string())])
    with pa.OSFile(str(root / "x.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([forged], schema=schema))
    with pytest.raises(UnreadableSource, match=r"‘x.arrow’ cannot be read"):
        read("")


@pytest.fixture
def foreign_root() -> Iterator[Path]:
    """A folder that another user may enter, unlike pytest's own; the test becomes that user."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "x.csv").write_text("a\n1\n")
        (Path(name) / "closed").mkdir()
        yield Path(name)
        os.seteuid(0)


@pytest.mark.parametrize("uri", ["x.csv", "", "*.csv", "closed/x.csv"])
def test_read_window__no_permission__unreadable(foreign_root: Path, uri: str) -> None:
    (foreign_root / "x.csv").chmod(0o600)
    (foreign_root / "closed").chmod(0o700)
    os.seteuid(NOBODY)
    with pytest.raises(UnreadableSource, match="no permission to read"):
        read_window(
            WindowSpec(f"{foreign_root}/{uri}", SourcePolicy(allowed_roots=(str(foreign_root),)))
        )


def test_describe__file_below_a_file__not_found(write: Writer, policy: SourcePolicy) -> None:
    path = write("x.csv", {"a": [1]})
    with pytest.raises(SourceNotFound):
        describe(f"{path}/y.csv", policy)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError("When listing: AWS Error NETWORK_CONNECTION during ListObjectsV2"),
            SourceUnavailable,
        ),
        (OSError("When reading: AWS Error SLOW_DOWN during GetObject"), SourceUnavailable),
        (OSError("google::cloud::Status(UNAVAILABLE: Retry policy exhausted)"), SourceUnavailable),
        (pa.ArrowException("Unknown error: Azure::Core: Failed to get token"), SourceUnavailable),
        (OSError(5, "Input/output error"), SourceUnavailable),
        (OSError("When listing: AWS Error NO_SUCH_BUCKET during ListObjectsV2"), SourceNotFound),
        (pa.ArrowInvalid("row has AWS Error in a value"), UnreadableSource),
    ],
)
def test_to_source_error__by_what_happened__retry_only_if_it_may_help(
    error: Exception, expected: type
) -> None:
    translated = to_source_error(error, "s3://bucket/x")
    assert type(translated) is expected
    assert translated.is_transient is (expected is SourceUnavailable)


def test_read_window__store_fails_while_scanning__unavailable_without_a_second_pass(
    write: Writer, read: ReadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(scan: Scan, fragments: object) -> Iterator[pa.RecordBatch]:
        passes.append(fragments)
        raise OSError("When reading: AWS Error NETWORK_CONNECTION during GetObject operation")

    passes: list[object] = []
    monkeypatch.setattr(Scan, "_stored", fail)
    write("x.parquet", {"a": [1]})
    with pytest.raises(SourceUnavailable, match="did not answer"):
        read("")
    assert len(passes) == 1
