"""Checks that what a baseline's bytes hold fits together: the kernels take its lengths as they are."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import FloatArray
from .errors import CorruptBundle
from .references import CategoricalReference, FeatureReference, NumericReference

WHOLE = ("rows", "sampled_rows", "seed", "bins")
KNOWN = frozenset({*WHOLE, "held_columns", "features", "slices"})


def check_header(header: Mapping[str, Any]) -> None:
    """Check the baseline's own figures.

    Raises:
        CorruptBundle: If one is missing, unknown or of another type.
    """
    _require(header.keys() <= KNOWN, "header")
    for name in WHOLE:
        _require(_is_count(header.get(name)), "rows, seed and bins")
    names = header.get("held_columns", [])
    _require(isinstance(names, list) and all(isinstance(each, str) for each in names), "columns")


def check_features(features: Iterable[FeatureReference]) -> None:
    """Check each feature's arrays against one another, and against its figures.

    Raises:
        CorruptBundle: If they do not fit.
    """
    for each in features:
        _require(isinstance(each.name, str), "features")
        if isinstance(each, NumericReference):
            _check_numeric(each)
        else:
            _check_categories(each)


def _check_numeric(each: NumericReference) -> None:
    figures = (each.n, each.nulls, each.nans, each.infinite)
    _require(all(map(_is_count, figures)), f"figures of {each.name!r}")
    summary = (each.summary.minimum, each.summary.maximum, each.summary.mean, each.summary.std)
    _require(all(map(_is_number_or_none, summary)), f"summary of {each.name!r}")
    counted = int(each.counts.sum())
    fits = [
        len(each.counts) == len(each.grid.edges) + 1,
        bool((each.counts >= 0).all()),
        counted <= each.n,
        each.values is None or len(each.values) == counted,
        all(_is_ascending(edges) for edges in (each.grid.edges, each.bin_edges)),
        each.values is None or _is_ascending(each.values),
    ]
    _require(all(fits), f"cells of {each.name!r}")


def _check_categories(each: CategoricalReference) -> None:
    figures = (each.n, each.nulls, each.other)
    _require(all(map(_is_count, figures)), f"figures of {each.name!r}")
    fits = [
        pa.types.is_large_string(each.categories.type) and not each.categories.null_count,
        len(each.counts) == len(each.categories),
        bool((each.counts >= 0).all()),
        int(each.counts.sum()) + each.other == each.n,
    ]
    _require(all(fits), f"categories of {each.name!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number_or_none(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_ascending(values: FloatArray) -> bool:
    return values.dtype == np.float64 and bool((values[1:] >= values[:-1]).all())


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise CorruptBundle(f"The baseline's {what} do not fit its other content.")
