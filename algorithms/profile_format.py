"""Writes a window's profile, without values, as bytes for another worker, and reads it again."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from . import bundles
from .arrays import IntArray
from .bundles import Described
from .categories import Unseen
from .profiles import (
    CategoricalProfile,
    FeatureProfile,
    Moments,
    NumericProfile,
    Profile,
    Unprofiled,
)
from .schema_changes import SchemaChange
from .sums import ExactSum
from .value_samples import ValueSample

KIND = "profile"
SUMS = ("distances", "squares", "below", "above")
PLAIN = ("finite", "rows_below", "rows_above")

type Header = dict[str, Any]


def profile_to_bytes(profile: Profile) -> bytes:
    """The profile, without values, as a compressed Arrow stream with a checksum."""
    about, arrays = _describe_profile(profile)
    if profile.slices:
        about["slices"] = []
    for place, (name, each) in enumerate(profile.slices.items()):
        described, own = _describe_profile(each)
        about["slices"].append({"name": name, **described})
        arrays |= {f"{_slice_prefix(place)}{key}": array for key, array in own.items()}
    return bundles.encode(KIND, about, arrays)


def _slice_prefix(place: int) -> str:
    """Of the names of a slice's arrays."""
    return f"slice {place}: "


def _describe_profile(profile: Profile) -> Described:
    """A profile without its slices."""
    features = (_describe_named(name, each) for name, each in profile.features.items())
    described, arrays = bundles.gather(features)
    return {"rows": profile.rows, "features": described}, arrays


def profile_from_bytes(data: bytes) -> Profile:
    """The profile that `profile_to_bytes` wrote.

    Raises:
        CorruptBundle: If the bytes were cut short or altered.
        UnsupportedBundle: If another version wrote them.
    """
    header, arrays = bundles.decode(KIND, data)
    slices = {
        about["name"]: _read_profile(about, _within(arrays, _slice_prefix(place)))
        for place, about in enumerate(header.get("slices", []))
    }
    return replace(_read_profile(header, arrays), slices=slices)


def _within(arrays: bundles.Arrays, prefix: str) -> bundles.Arrays:
    """The arrays whose names begin so, without that."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _read_profile(header: Header, arrays: bundles.Arrays) -> Profile:
    described = enumerate(header["features"])
    features = {about["name"]: _read(about, place, arrays) for place, about in described}
    return Profile(rows=header["rows"], features=features)


def _describe_named(name: str, feature: FeatureProfile | Unprofiled) -> Described:
    about, arrays = _describe(feature)
    return {"name": name} | about, arrays


def _describe(feature: FeatureProfile | Unprofiled) -> Described:
    """A feature's figures as JSON values, and its arrays by name."""
    if isinstance(feature, Unprofiled):
        return {"kind": "none", "reason": feature.reason, "change": feature.change}, {}
    if isinstance(feature, NumericProfile):
        return _describe_numeric(feature)
    return _describe_categorical(feature)


def _describe_numeric(feature: NumericProfile) -> Described:
    about = {"nulls": feature.nulls, "nans": feature.nans, "moments": _sums(feature.moments)}
    ends = [feature.moments.minimum, feature.moments.maximum]
    arrays = {"counts": pa.array(feature.counts), "range": pa.array(ends)}
    if feature.sample is not None:
        arrays["priorities"] = pa.array(feature.sample.priorities)
        arrays["sample"] = pa.array(feature.sample.values)
    return {"kind": "numeric"} | about, arrays


def _sums(moments: Moments) -> Header:
    """The moments without their range, which goes into an array, as JSON has no infinities."""
    about: Header = {name: getattr(moments, name) for name in PLAIN}
    return about | {name: _digits(getattr(moments, name)) for name in SUMS}


def _digits(exact: ExactSum) -> str | None:
    """A sum as text, as readers of JSON may not keep whole numbers of a thousand bits."""
    return None if exact.units is None else str(exact.units)


def _describe_categorical(feature: CategoricalProfile) -> Described:
    unseen = feature.unseen
    about = {"unseen_rows": unseen.rows, "is_complete": unseen.is_complete}
    arrays = {"counts": pa.array(feature.counts)} | _named_counts(unseen)
    return {"kind": "categorical", "nulls": feature.nulls} | about, arrays


def _named_counts(unseen: Unseen) -> dict[str, pa.Array]:
    return {
        "unseen": pa.array(unseen.counts.keys(), pa.large_string()),
        "unseen_counts": pa.array(unseen.counts.values(), pa.int64()),
    }


def _read(about: Header, place: int, arrays: bundles.Arrays) -> FeatureProfile | Unprofiled:
    """The feature at a place that `_describe` described."""
    if about["kind"] == "none":
        return _read_unprofiled(about)
    if about["kind"] == "numeric":
        return _read_numeric(about, place, arrays)
    return _read_categorical(about, place, arrays)


def _read_unprofiled(about: Header) -> Unprofiled:
    change = about["change"]
    return Unprofiled(reason=about["reason"], change=SchemaChange(change) if change else None)


def _read_numeric(about: Header, place: int, arrays: bundles.Arrays) -> NumericProfile:
    return NumericProfile(
        counts=_counts(place, arrays),
        nulls=about["nulls"],
        nans=about["nans"],
        moments=_read_moments(about["moments"], arrays[f"{place}.range"]),
        values=None,
        sample=_read_sample(place, arrays),
    )


def _read_sample(place: int, arrays: bundles.Arrays) -> ValueSample | None:
    """The sample, if the window was counted with one."""
    if f"{place}.sample" not in arrays:
        return None
    priorities, values = (arrays[f"{place}.{name}"] for name in ("priorities", "sample"))
    return ValueSample(priorities.to_numpy(), values.to_numpy())


def _read_moments(about: Header, ends: pa.Array) -> Moments:
    minimum, maximum = ends.to_pylist()
    sums: Header = {name: _read_digits(about[name]) for name in SUMS}
    plain: Header = {name: about[name] for name in PLAIN}
    return Moments(minimum=minimum, maximum=maximum, **plain, **sums)


def _read_digits(digits: str | None) -> ExactSum:
    return ExactSum(None if digits is None else int(digits))


def _read_categorical(about: Header, place: int, arrays: bundles.Arrays) -> CategoricalProfile:
    unseen = Unseen(
        rows=about["unseen_rows"],
        counts=_read_named_counts(place, arrays),
        is_complete=about["is_complete"],
    )
    return CategoricalProfile(counts=_counts(place, arrays), unseen=unseen, nulls=about["nulls"])


def _read_named_counts(place: int, arrays: bundles.Arrays) -> dict[str, int]:
    names = arrays[f"{place}.unseen"].to_pylist()
    rows = arrays[f"{place}.unseen_counts"].to_pylist()
    return dict(zip(names, rows, strict=True))


def _counts(place: int, arrays: bundles.Arrays) -> IntArray:
    return np.asarray(arrays[f"{place}.counts"].to_numpy(), dtype=np.int64)
