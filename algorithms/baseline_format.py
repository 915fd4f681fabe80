"""Writes a baseline's features as a header and arrays, and reads them again."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from . import bundles
from .arrays import FloatArray, IntArray
from .baseline_checks import check_features, check_header
from .bundles import Arrays, Described
from .columns import FeatureKind
from .grid import Grid
from .performance.estimators import Estimators
from .profiles import NumericSummary
from .references import CategoricalReference, FeatureReference, NumericReference
from .slices.slice_format import PREFIX, describe_slices, read_slices
from .slices.slice_references import SliceReference
from .value_types import ValueType

KIND = "baseline"
NO_PLACE = "-1."
"""Begins the names of arrays that are no feature's; versions without estimators read past them."""
ABOUT = "about"


def to_bundle(
    header: Mapping[str, Any],
    features: Mapping[str, FeatureReference],
    slices: Mapping[str, SliceReference],
) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    """The baseline's own figures and its features' under "features"; arrays are named by the feature's place.

    Slices are written only if there are some, so that a baseline without them keeps its content hash.
    """
    described, arrays = bundles.gather(map(_describe, features.values()))
    whole = {**header, "features": described}
    if not slices:
        return whole, arrays
    described_slices, counts = describe_slices(slices)
    return {**whole, "slices": described_slices}, {**arrays, **counts}


def _describe(feature: FeatureReference) -> Described:
    """A feature's figures as JSON values, and its arrays by name."""
    common: dict[str, Any] = {"name": feature.name, "kind": feature.kind.value, "n": feature.n}
    if feature.value_type is not None:
        common["value_type"] = feature.value_type.value
    if isinstance(feature, NumericReference):
        about, arrays = _numeric(feature)
    else:
        about, arrays = _categorical(feature)
    return common | about, arrays


def read_bundle(header: dict[str, Any], arrays: dict[str, pa.Array]) -> dict[str, Any]:
    """The fields of the baseline that `to_bundle` and `estimator_arrays` were given.

    Raises:
        CorruptBundle: If its parts do not fit together.
    """
    check_header(header)
    estimators = take_estimators(arrays)
    by_place = _by_place(arrays)
    features: dict[str, FeatureReference] = {}
    for position, about in enumerate(header.pop("features")):
        features[about["name"]] = _read(about, by_place[position])
    check_features(features.values())
    slices = read_slices(header.pop("slices", []), arrays, features)
    return {**header, "features": features, "slices": slices, "estimators": estimators}


def estimator_arrays(estimators: Estimators | None) -> dict[str, pa.Array]:
    """The estimators as arrays beside those of the features."""
    if estimators is None:
        return {}
    header, arrays = estimators.to_bundle()
    about = {ABOUT: pa.array([json.dumps(header)], pa.large_string())}
    return {NO_PLACE + name: array for name, array in (about | arrays).items()}


def take_estimators(arrays: dict[str, pa.Array]) -> Estimators | None:
    """The estimators, whose arrays are taken out; None where the baseline has none."""
    names = [name for name in arrays if name.startswith(NO_PLACE)]
    taken = {name.removeprefix(NO_PLACE): arrays.pop(name) for name in names}
    if not taken:
        return None
    header = json.loads(taken.pop(ABOUT)[0].as_py())
    return Estimators.from_bundle(header, taken)


def _by_place(arrays: Arrays) -> dict[int, dict[str, pa.Array]]:
    """Each feature's arrays by their names, by the feature's place."""
    by_place: dict[int, dict[str, pa.Array]] = defaultdict(dict)
    own = {name: each for name, each in arrays.items() if not name.startswith(PREFIX)}
    for name, array in own.items():
        place, _, what = name.partition(".")
        by_place[int(place)][what] = array
    return by_place


def _read(about: dict[str, Any], arrays: Arrays) -> FeatureReference:
    if "value_type" in about:  # a baseline from before types were kept has none
        about["value_type"] = ValueType(about["value_type"])
    if about.pop("kind") == FeatureKind.NUMERIC:
        return _read_numeric(about, arrays)
    return _read_categorical(about, arrays)


def _numeric(feature: NumericReference) -> Described:
    whole: dict[str, Any] = {name: getattr(feature, name) for name in ("nulls", "nans", "infinite")}
    arrays = {name: pa.array(array) for name, array in _numeric_arrays(feature).items()}
    if feature.origin is not None:  # as text, which any reader of JSON keeps
        whole["origin"] = str(feature.origin)
    return whole | {"summary": asdict(feature.summary)}, arrays


def _numeric_arrays(feature: NumericReference) -> dict[str, FloatArray | IntArray]:
    arrays: dict[str, FloatArray | IntArray] = {
        "edges": feature.grid.edges,
        "bin_edges": feature.bin_edges,
        "counts": feature.counts,
    }
    if feature.values is not None:
        arrays["values"] = feature.values
    return arrays


def _categorical(feature: CategoricalReference) -> Described:
    arrays = {"categories": feature.categories, "counts": pa.array(feature.counts)}
    return {"nulls": feature.nulls, "other": feature.other}, arrays


def _read_numeric(about: dict[str, Any], arrays: Arrays) -> NumericReference:
    summary = NumericSummary(**about.pop("summary"))
    if "origin" in about:
        about["origin"] = int(about["origin"])
    return NumericReference(
        **about,
        summary=summary,
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
