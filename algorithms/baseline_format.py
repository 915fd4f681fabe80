"""Writes a baseline's features as a header and arrays, and reads them again."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import FloatArray, IntArray
from .bundles import Arrays
from .columns import FeatureKind
from .grid import Grid
from .profiles import NumericSummary
from .references import CategoricalReference, FeatureReference, NumericReference

KIND = "baseline"


def to_bundle(
    header: Mapping[str, Any], features: Mapping[str, FeatureReference]
) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    """The baseline's own figures and its features' under "features"; arrays are named by the feature's place."""
    described, arrays = list[dict[str, Any]](), dict[str, pa.Array]()
    for place, feature in enumerate(features.values()):
        about, found = (
            _numeric(feature) if isinstance(feature, NumericReference) else _categorical(feature)
        )
        described.append({"name": feature.name, "kind": feature.kind.value, "n": feature.n} | about)
        arrays |= {f"{place}.{name}": array for name, array in found.items()}
    return {**header, "features": described}, arrays


def from_bundle(
    header: dict[str, Any], arrays: Arrays
) -> tuple[dict[str, int], dict[str, FeatureReference]]:
    """The two arguments that `to_bundle` was given."""
    by_place: dict[int, dict[str, pa.Array]] = defaultdict(dict)
    for name, array in arrays.items():
        place, _, what = name.partition(".")
        by_place[int(place)][what] = array
    features: dict[str, FeatureReference] = {}
    for position, about in enumerate(header.pop("features")):
        read = _read_numeric if about.pop("kind") == FeatureKind.NUMERIC else _read_categorical
        features[about["name"]] = read(about, by_place[position])
    return header, features


def _numeric(feature: NumericReference) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    whole = ("nulls", "nans", "infinite")
    about = {name: getattr(feature, name) for name in whole} | {"summary": asdict(feature.summary)}
    arrays = {"edges": feature.grid.edges, "bin_edges": feature.bin_edges, "counts": feature.counts}
    if feature.values is not None:
        arrays["values"] = feature.values
    return about, {name: pa.array(array) for name, array in arrays.items()}


def _categorical(feature: CategoricalReference) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    arrays = {"categories": feature.categories, "counts": pa.array(feature.counts)}
    return {"nulls": feature.nulls, "other": feature.other}, arrays


def _read_numeric(about: Mapping[str, Any], arrays: Arrays) -> NumericReference:
    plain = {name: value for name, value in about.items() if name != "summary"}
    return NumericReference(
        **plain,
        summary=NumericSummary(**about["summary"]),
        grid=Grid(_floats(arrays["edges"])),
        bin_edges=_floats(arrays["bin_edges"]),
        counts=_integers(arrays["counts"]),
        values=_floats(arrays["values"]) if "values" in arrays else None,
    )


def _read_categorical(about: Mapping[str, Any], arrays: Arrays) -> CategoricalReference:
    counts = _integers(arrays["counts"])
    return CategoricalReference(**about, categories=arrays["categories"], counts=counts)


def _floats(array: pa.Array) -> FloatArray:
    floats: FloatArray = array.to_numpy()
    return floats


def _integers(array: pa.Array) -> IntArray:
    return np.asarray(array.to_numpy(), dtype=np.int64)
