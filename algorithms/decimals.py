"""Reads decimals as the nearest float64, and whole numbers as decimals."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import FloatArray, IntArray

LARGEST_EXACT = 2**53
"""Whole numbers up to here are floats, exactly."""
INTEGER_DIGITS = 20
"""Digits of the widest whole numbers of 64 bits."""
MOST_DIGITS = 75
"""Digits of the widest decimals but one, so that a difference has room."""
LARGEST_EXACT_SCALE = 22
"""10**22 is the largest power of ten that is a float, exactly."""


def decimals_to_float64(column: pa.Array) -> FloatArray:
    """Decimals as float64, NaN where null, each the float that is nearest.

    A decimal is a whole number over a power of ten. Where both are floats, exactly, their quotient is rounded once and
    so is the nearest float (IEEE 754). Other decimals are read from their digits.

    Args:
        column: Decimals of any width.
    """
    unscaled = _small_unscaled(column)
    if unscaled is None or not 0 <= column.type.scale <= LARGEST_EXACT_SCALE:
        return _from_digits(column)
    floats: FloatArray = unscaled / np.float64(10**column.type.scale)
    if column.null_count:
        floats[~column.is_valid().to_numpy(zero_copy_only=False)] = np.nan
    return floats


def as_decimals(column: pa.Array) -> pa.Array:
    """Whole numbers or decimals as decimals of 256 bits with room for a difference.

    Raises:
        ArrowInvalid: If a number has more than 75 digits.
    """
    digits, scale = INTEGER_DIGITS, 0
    if pa.types.is_decimal(column.type):
        digits, scale = column.type.precision, column.type.scale
    return column.cast(pa.decimal256(min(MOST_DIGITS, digits + 1), scale))


def read_as_before(column: pa.Array) -> pa.Array:
    """Decimals as the floats that older versions read, which can differ in the last place; else the column.

    The cells of a baseline without value types begin at such floats.
    """
    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def _small_unscaled(column: pa.Array) -> IntArray | None:
    """The whole numbers of decimals, shape (n,), 0 where null; None if one of them is no float, exactly."""
    words = _words(column)
    low = words[:, 0]
    is_small = np.abs(low) <= LARGEST_EXACT
    if column.null_count:
        is_null = column.is_null().to_numpy(zero_copy_only=False)
        low, is_small = np.where(is_null, 0, low), is_small | is_null
    else:
        is_null = np.zeros(len(low), bool)
    sign = low >> 63
    for place in range(1, words.shape[1]):
        is_small &= (words[:, place] == sign) | is_null
    return low if bool(is_small.all()) else None


def _words(column: pa.Array) -> IntArray:
    """The 64-bit words of decimals, shape (n, words), the lowest first."""
    bits = column.type.bit_width
    if bits == 32:
        column = column.cast(pa.decimal64(column.type.precision, column.type.scale))
        bits = 64
    words = bits // 64
    data = np.frombuffer(column.buffers()[1], np.int64) if len(column) else np.empty(0, np.int64)
    start = column.offset * words
    return data[start : start + len(column) * words].reshape(-1, words)


def _from_digits(column: pa.Array) -> FloatArray:
    found = pc.cast(column.cast(pa.string()), pa.float64())
    floats: FloatArray = found.to_numpy(zero_copy_only=False)
    return floats
