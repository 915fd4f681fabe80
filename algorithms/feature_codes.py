"""Reads features of any kind as numbers that trees can split, by a baseline's references."""

import numpy as np
import pyarrow as pa

from .arrays import FloatArray
from .columns import to_float64
from .references import CategoricalReference, FeatureReference

MOST_CATEGORIES = 250
"""More frequent categories have codes of their own; scikit-learn's trees tell 255 values apart."""
RARE, NEW = float(MOST_CATEGORIES), float(MOST_CATEGORIES + 1)


def code_feature(reference: FeatureReference, chunk: pa.Array) -> FloatArray:
    """A piece of a feature's column as numbers, shape (n,), NaN where there is no value.

    A category's code is its place among those of the reference, the most frequent first. All rare ones share a code,
    and so do all that the reference does not name.

    Raises:
        UnusableColumn: If the column holds values of another kind.
    """
    if not isinstance(reference, CategoricalReference):
        return to_float64(chunk)
    codes, names = reference.names_of(chunk)
    known = reference.places_of(names, chunk.type)
    found = np.full(len(names), NEW)
    found[known.is_known] = np.minimum(known.places, RARE)
    by_code: FloatArray = np.append(found, np.nan)[codes]
    return by_code
