"""Recognise files by their first and last bytes, to say what an unreadable one is."""

import pyarrow.fs as pafs

SEEN_BYTES = 64
PARQUET_MAGIC, ARROW_MAGIC, GZIP_MAGIC = b"PAR1", b"ARROW1", b"\x1f\x8b"

_SIGNATURES = (
    (PARQUET_MAGIC, "a Parquet file"),
    (b"PARE", "an encrypted Parquet file"),
    (ARROW_MAGIC, "an Arrow file"),
    (b"FEA1", "a Feather file of version 1; write it as version 2"),
    (b"\xff\xff\xff\xff", "an Arrow stream, not an Arrow file; write it as a file"),
    (GZIP_MAGIC, "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"PK\x03\x04", "a ZIP archive, as a spreadsheet is"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
)


def read_ends(filesystem: pafs.FileSystem, path: str, size: int) -> tuple[bytes, bytes]:
    """The first and the last bytes of a file; nothing if it cannot be read."""
    try:
        with filesystem.open_input_file(path) as file:
            head = file.read_at(min(SEEN_BYTES, size), 0)
            tail = file.read_at(min(SEEN_BYTES, size), max(0, size - SEEN_BYTES))
    except OSError:
        return b"", b""
    return head, tail


def say_what_it_is(head: bytes) -> str:
    """The kind of file that begins with these bytes, as the end of a sentence; nothing if unknown."""
    return next((words for start, words in _SIGNATURES if head.startswith(start)), "")


def is_begun(magic: bytes, head: bytes, tail: bytes) -> bool:
    """True if a file begins as one with this magic number does, and does not end so."""
    has_begun = bool(head) and (head.startswith(magic) or magic.startswith(head))
    has_ended = tail.endswith(magic) and len(tail) > len(magic)
    return has_begun and not has_ended
