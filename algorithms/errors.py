"""Defines the errors of the numerics; each says what is wrong in a sentence that a user can act on."""

import pyarrow as pa

COLUMN_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, pa.ArrowException)
"""What a bad column can cause; a time limit or a lack of memory is the run's affair."""


class InsufficientData(ValueError):
    """A window holds no usable row, so the question asked has no answer."""


class MissingColumn(LookupError):
    """A table lacks a column that a feature is read from."""


class UnusableColumn(TypeError):
    """A column's values are of a type that the feature's kind cannot read."""


class RetypedColumn(UnusableColumn):
    """A window holds a column in another type than its reference does."""


class CorruptBundle(ValueError):
    """The bytes are not a whole and unaltered baseline or profile."""


class UnsupportedBundle(ValueError):
    """The bytes were written by a version that this one cannot read."""
