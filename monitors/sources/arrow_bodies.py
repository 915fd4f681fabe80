"""Measure the record batches of an Arrow file before they are decompressed.

Its footer lists the messages. The metadata of a message, a flatbuffer, give the place of each
buffer, and a compressed buffer begins with its length before compression: a few kilobytes of zstd
can hold gigabytes. The layouts are those of Arrow's `File.fbs`, `Message.fbs` and `Schema.fbs`.
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.fs as pafs

from monitors.sources.signatures import ARROW_MAGIC
from monitors.sources.source_limits import SourceLimits, at_most

LARGER_BATCHES = "Write larger record batches."
_BLOCK = struct.Struct("<qi4xq")
_BUFFER = struct.Struct("<qq")
_NODE_BYTES = 16
_LENGTH = struct.Struct("<q")
_NOT_COMPRESSED = -1
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_VIEWS = (pa.types.is_string_view, pa.types.is_binary_view)


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The size of a record batch: its rows, and the bytes of some columns decompressed."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FileSize:
    """The sizes of an Arrow file's record batches, and of all dictionaries together."""

    batches: tuple[BatchSize, ...]
    dictionary_bytes: int

    @property
    def bytes(self) -> int:
        """The bytes of everything, decompressed."""
        return self.dictionary_bytes + sum(batch.bytes for batch in self.batches)

    @property
    def largest(self) -> int:
        """The bytes of the largest record batch, with the dictionaries."""
        return self.dictionary_bytes + max((batch.bytes for batch in self.batches), default=0)


def measure_file(
    filesystem: pafs.FileSystem,
    path: str,
    schema: pa.Schema,
    names: Collection[str],
    *,
    limits: SourceLimits,
) -> FileSize:
    """The sizes of a file by the metadata of its messages.

    Args:
        filesystem: The place of the file.
        path: The file.
        schema: Its schema, as it is stored.
        names: The columns that count.
        limits: The most record batches that it may have, and the longest metadata.

    Raises:
        pyarrow.ArrowInvalid: If the file is damaged.
        SourceTooLarge: If it has too many record batches.
    """
    with filesystem.open_input_file(path) as file:
        try:
            return _measure(file, schema, names, limits)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise pa.ArrowInvalid(f"The metadata are damaged: {error}") from error


def _measure(
    file: pa.NativeFile, schema: pa.Schema, names: Collection[str], limits: SourceLimits
) -> FileSize:
    footer = _read_footer(file, limits.footer_bytes)
    wanted = _wanted_buffers(schema, names)
    batches, dictionaries = (
        map(partial(_message, file, limits), _blocks(footer, number, limits)) for number in (3, 2)
    )
    return FileSize(
        tuple(BatchSize(each.rows, each.size_of(wanted)) for each in batches),
        sum(each.size_of(None) for each in dictionaries),
    )


def _blocks(footer: "_Table", number: int, limits: SourceLimits) -> Iterator[tuple[int, ...]]:
    found = footer.structs(number, _BLOCK)
    return at_most(found, limits.row_groups, "record batches in a file", LARGER_BATCHES)


def _message(file: pa.NativeFile, limits: SourceLimits, block: tuple[int, ...]) -> "_Message":
    offset, size, body = block
    if not 0 < size <= limits.footer_bytes or offset < 0 or body < 0:
        raise ValueError("a record batch lies nowhere")
    return _Message(file, offset, size, body)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a flatbuffer: fields by number, each absent or at an offset."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, _int(data, 0, "<I"))

    def _field(self, number: int) -> int | None:
        """The place of a field; None if it is absent."""
        layout = self.position - _int(self.data, self.position, "<i")
        slot = 4 + 2 * number
        if slot >= _int(self.data, layout, "<H"):
            return None
        offset = _int(self.data, layout + slot, "<H")
        return self.position + offset if offset else None

    def number(self, number: int, form: str) -> int:
        place = self._field(number)
        return 0 if place is None else _int(self.data, place, form)

    def table(self, number: int) -> "_Table | None":
        place = self._field(number)
        return None if place is None else _Table(self.data, place + _int(self.data, place, "<I"))

    def structs(self, number: int, form: struct.Struct) -> Iterator[tuple[int, ...]]:
        """The structs of a vector."""
        place = self._field(number)
        if place is None:
            return
        start = place + _int(self.data, place, "<I")
        count = _int(self.data, start, "<I")
        if start + 4 + count * form.size > len(self.data):
            raise ValueError("a vector ends after its table")
        for each in range(count):
            yield form.unpack_from(self.data, start + 4 + each * form.size)


def _int(data: bytes, place: int, form: str) -> int:
    return int(struct.unpack_from(form, data, place)[0])


def _read_footer(file: pa.NativeFile, most: int) -> _Table:
    size = file.size()
    tail = bytes(file.read_at(10, size - 10))
    length = _int(tail, 0, "<i")
    if tail[4:] != ARROW_MAGIC or not 0 < length <= min(size - 10, most):
        raise ValueError("no footer")
    return _Table.root(bytes(file.read_at(length, size - 10 - length)))


class _Message:
    """A record batch, or the dictionary of a column, as its metadata describe it."""

    def __init__(self, file: pa.NativeFile, offset: int, size: int, body: int) -> None:
        data = bytes(file.read_at(size, offset))
        start = 8 if data[:4] == b"\xff\xff\xff\xff" else 4
        message = _Table.root(data[start:])
        header, kind = message.table(2), message.number(1, "<B")
        if header is not None and kind == _DICTIONARY_BATCH:
            header = header.table(1)
        if header is None or kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
            raise ValueError("no record batch")
        self._file, self._body, self._size = file, offset + size, body
        self._batch = header

    @property
    def rows(self) -> int:
        return self._batch.number(0, "<q")

    def size_of(self, wanted: Collection[int] | None) -> int:
        """Bytes of some of its buffers, or of all, decompressed."""
        is_compressed = self._batch.table(3) is not None
        total = 0
        for number, (offset, length) in enumerate(self._batch.structs(2, _BUFFER)):
            if wanted is not None and number not in wanted:
                continue
            total += self._plain_length(offset, length) if is_compressed else length
        return total

    def _plain_length(self, offset: int, length: int) -> int:
        if length < _LENGTH.size or not 0 <= offset <= self._size:
            return max(length, 0)
        (plain,) = _LENGTH.unpack(bytes(self._file.read_at(_LENGTH.size, self._body + offset)))
        return length if plain == _NOT_COMPRESSED else max(plain, 0)


def _wanted_buffers(schema: pa.Schema, names: Collection[str]) -> frozenset[int] | None:
    """The numbers of the buffers of some columns; None for all, where views have any number."""
    wanted, first = list[int](), 0
    for each in schema:
        count = _count_buffers(each.type)
        if count is None:
            return None
        if each.name in names:
            wanted.extend(range(first, first + count))
        first += count
    return frozenset(wanted)


def _count_buffers(dtype: pa.DataType) -> int | None:
    """The buffers of a type and those inside it; None if their number varies."""
    if isinstance(dtype, pa.BaseExtensionType):
        return _count_buffers(dtype.storage_type)
    if any(is_view(dtype) for is_view in _VIEWS):
        return None
    own = _own_buffers(dtype)
    if pa.types.is_dictionary(dtype):
        return own
    if pa.types.is_run_end_encoded(dtype):
        inner = [_count_buffers(dtype.run_end_type), _count_buffers(dtype.value_type)]
    else:
        inner = [_count_buffers(dtype.field(each).type) for each in range(dtype.num_fields)]
    return None if None in inner else own + sum(filter(None, inner))


def _own_buffers(dtype: pa.DataType) -> int:
    if pa.types.is_null(dtype) or pa.types.is_run_end_encoded(dtype):
        return 0
    if pa.types.is_union(dtype):
        return 2 if dtype.mode == "dense" else 1
    if pa.types.is_struct(dtype) or pa.types.is_fixed_size_list(dtype):
        return 1
    is_text = any(
        is_kind(dtype)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
        )
    )
    return 3 if is_text else 2
