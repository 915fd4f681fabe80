"""Measure values before they are unpacked: from dictionaries, runs and views to plain values.

A few bytes of an encoding can stand for any number of plain ones: a million codes of one long
text, one run of a billion rows, a million views of the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PIECE_BYTES = 64 << 20
"""As much as is unpacked at once, between two looks at a budget."""
_VIEW_BYTES = 16
_OFFSET_BYTES = 8


def can_expand(dtype: pa.DataType) -> bool:
    """True if values of the type can take more memory once they are plain."""
    if isinstance(dtype, pa.BaseExtensionType):
        return can_expand(dtype.storage_type)
    if _is_encoded(dtype):
        return True
    return any(can_expand(dtype.field(each).type) for each in range(dtype.num_fields))


def _is_encoded(dtype: pa.DataType) -> bool:
    kinds = (
        pa.types.is_dictionary,
        pa.types.is_run_end_encoded,
        pa.types.is_string_view,
        pa.types.is_binary_view,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(is_kind(dtype) for is_kind in kinds)


def split_plain(batch: pa.RecordBatch, most: int = PIECE_BYTES) -> Iterator[pa.RecordBatch]:
    """The batch in pieces that take at most `most` bytes once they are plain, or have one row."""
    if not any(can_expand(each.type) for each in batch.schema):
        yield batch
        return
    if batch.num_rows <= 1 or sum(map(plain_bytes, batch.columns)) <= most:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from split_plain(batch.slice(0, middle), most)
    yield from split_plain(batch.slice(middle), most)


def plain_bytes(array: pa.Array) -> int:
    """Bytes that the array takes once its values are plain."""
    if isinstance(array, pa.ExtensionArray):
        return plain_bytes(array.storage)
    if not can_expand(array.type):
        return int(array.nbytes)
    return int(_sizes(array).sum())


def _sizes(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The bytes of each value once it is plain."""
    if isinstance(array, pa.ExtensionArray):
        return _sizes(array.storage)
    for is_kind, measure in _MEASURES.items():
        if is_kind(array.type):
            return measure(array)
    width = array.type.byte_width if _is_fixed(array.type) else _OFFSET_BYTES
    return np.full(len(array), width, np.int64)


def _is_fixed(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(dtype) or pa.types.is_decimal(dtype)) and not (
        pa.types.is_boolean(dtype)
    )


def _texts(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    return _numbers(pc.binary_length(array)) + _OFFSET_BYTES


def _views(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A view begins with the length of its value, as four bytes."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.int64)
    views = np.frombuffer(buffer, np.int32).reshape(-1, _VIEW_BYTES // 4)
    lengths = views[array.offset : array.offset + len(array), 0]
    known = _numbers(array.is_valid()) > 0
    sizes: np.ndarray[Any, np.dtype[np.int64]] = np.where(known, lengths.astype(np.int64), 0)
    return sizes + _OFFSET_BYTES


def _dictionary(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    sizes = np.append(_sizes(array.dictionary), 0)
    codes = _numbers(array.indices, missing=len(sizes) - 1)
    found: np.ndarray[Any, np.dtype[np.int64]] = sizes[codes]
    return found


def _runs(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    sizes = _sizes(array.values)
    ends = np.asarray(array.run_ends).astype(np.int64)
    first, last = array.offset, array.offset + len(array)
    clipped = np.clip(np.concatenate([[0], ends]), first, last)
    # One number for each run: the rows of a run can be too many to list.
    found: np.ndarray[Any, np.dtype[np.int64]] = np.diff(clipped) * sizes[: len(ends)]
    return found


def _lists(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """All values of the lists, divided over them; those of a map are its pairs."""
    values = array.values if pa.types.is_map(array.type) else array.flatten()
    return _spread(plain_bytes(values), len(array))


def _list_views(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A view of a list may be one of many of the same values, and of the largest of them."""
    lengths = _numbers(pc.list_value_length(array))
    largest = _sizes(array.values).max(initial=0)
    found: np.ndarray[Any, np.dtype[np.int64]] = lengths * largest + _OFFSET_BYTES
    return found


def _structs(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    children = [array.field(each) for each in range(array.type.num_fields)]
    return _spread(sum(map(plain_bytes, children)), len(array))


def _spread(total: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A total, divided over some values."""
    return np.full(count, -(-total // max(count, 1)), np.int64)


def _numbers(values: pa.Array, missing: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(values.cast(pa.int64()).fill_null(missing))


type _Kind = Callable[[pa.DataType], bool]
type _Measure = Callable[[pa.Array], np.ndarray[Any, np.dtype[np.int64]]]

_MEASURES: Mapping[_Kind, _Measure] = {
    pa.types.is_dictionary: _dictionary,
    pa.types.is_run_end_encoded: _runs,
    pa.types.is_string: _texts,
    pa.types.is_large_string: _texts,
    pa.types.is_binary: _texts,
    pa.types.is_large_binary: _texts,
    pa.types.is_string_view: _views,
    pa.types.is_binary_view: _views,
    pa.types.is_list: _lists,
    pa.types.is_large_list: _lists,
    pa.types.is_list_view: _list_views,
    pa.types.is_large_list_view: _list_views,
    pa.types.is_map: _lists,
    pa.types.is_struct: _structs,
}
