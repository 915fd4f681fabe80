"""Writes the slices of a baseline as a part of its header and arrays, and reads them again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..arrays import IntArray
from ..errors import CorruptBundle
from ..references import CategoricalReference, FeatureReference
from .slice_references import SliceReference, slice_cells

PREFIX = "slices."
"""Of the names of the slices' arrays, which stand beside the features' own."""
NUMERIC = ("n", "nulls")
CATEGORICAL = (*NUMERIC, "other")


def describe_slices(
    slices: Mapping[str, SliceReference],
) -> tuple[list[dict[str, Any]], dict[str, pa.Array]]:
    """The slices' figures as JSON values, and one array of counts for each, feature after feature."""
    arrays = {f"{PREFIX}{place}": _counts_of(each) for place, each in enumerate(slices.values())}
    return [_describe(each) for each in slices.values()], arrays


def _describe(each: SliceReference) -> dict[str, Any]:
    features = [_describe_feature(reference) for reference in each.features.values()]
    return {"name": each.name, "where": each.where, "rows": each.rows, "features": features}


def _describe_feature(reference: FeatureReference) -> dict[str, Any]:
    return {
        "name": reference.name,
        **{each: getattr(reference, each) for each in _names(reference)},
    }


def _names(reference: FeatureReference) -> Sequence[str]:
    """The figures of a feature that are kept beside its counts."""
    return CATEGORICAL if isinstance(reference, CategoricalReference) else NUMERIC


def _counts_of(each: SliceReference) -> pa.Array:
    counts = [reference.counts for reference in each.features.values()]
    return pa.array(np.concatenate([np.empty(0, np.int64), *counts]))


def read_slices(
    described: Sequence[Mapping[str, Any]],
    arrays: Mapping[str, pa.Array],
    features: Mapping[str, FeatureReference],
) -> dict[str, SliceReference]:
    """The slices that `describe_slices` described; their cells follow from the whole's references.

    Raises:
        CorruptBundle: If the counts do not fit the cells.
    """
    cells = slice_cells(features) if described else {}
    return {
        about["name"]: _read(about, arrays[f"{PREFIX}{place}"], cells)
        for place, about in enumerate(described)
    }


def _read(
    about: Mapping[str, Any], counts: pa.Array, cells: Mapping[str, FeatureReference]
) -> SliceReference:
    empty = [cells[each["name"]] for each in about["features"]]
    ends = np.cumsum([0, *(len(each.counts) for each in empty)]).tolist()
    if ends[-1] != len(counts):
        raise CorruptBundle(f"The counts of the slice {about['name']!r} do not fit its cells.")
    flat = np.asarray(counts.to_numpy(), dtype=np.int64)
    pieces = [flat[first:last] for first, last in pairwise(ends)]
    found = zip(about["features"], empty, pieces, strict=True)
    features = {each["name"]: _read_feature(each, reference, own) for each, reference, own in found}
    return SliceReference(
        name=about["name"], where=about["where"], rows=about["rows"], features=features
    )


def _read_feature(
    about: Mapping[str, Any], reference: FeatureReference, counts: IntArray
) -> FeatureReference:
    figures: dict[str, Any] = {each: about[each] for each in _names(reference)}
    return replace(reference, counts=counts, **figures)
