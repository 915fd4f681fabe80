"""Writes a window's profile, without values, as bytes for another worker, and reads it again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from . import bundles
from .categories import Unseen
from .profiles import (
    CategoricalProfile,
    FeatureProfile,
    Moments,
    NumericProfile,
    Profile,
    Unprofiled,
)
from .sums import ExactSum

KIND = "profile"
SUMS = ("distances", "squares", "below", "above")
PLAIN = ("finite", "rows_below", "rows_above")


def profile_to_bytes(profile: Profile) -> bytes:
    """The profile, without values, as a compressed Arrow stream with a checksum."""
    described, arrays = list[dict[str, Any]](), dict[str, pa.Array]()
    for place, (name, feature) in enumerate(profile.features.items()):
        about, found = _describe(feature)
        described.append({"name": name} | about)
        arrays |= {f"{place}.{what}": array for what, array in found.items()}
    return bundles.encode(KIND, {"rows": profile.rows, "features": described}, arrays)


def profile_from_bytes(data: bytes) -> Profile:
    """The profile that `profile_to_bytes` wrote.

    Raises:
        CorruptBundle: If the bytes were cut short or altered.
        UnsupportedBundle: If another version wrote them.
    """
    header, arrays = bundles.decode(KIND, data)
    features = {
        about["name"]: _read(about, place, arrays) for place, about in enumerate(header["features"])
    }
    return Profile(rows=header["rows"], features=features)


def _describe(feature: FeatureProfile | Unprofiled) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    if isinstance(feature, Unprofiled):
        return {"kind": "none", "reason": feature.reason}, {}
    arrays = {"counts": pa.array(feature.counts)}
    if isinstance(feature, NumericProfile):
        moments = feature.moments
        # JSON has no infinities, and its readers may not keep whole numbers of a thousand bits
        about: dict[str, Any] = {name: getattr(moments, name) for name in PLAIN}
        about |= {name: getattr(moments, name).units for name in SUMS}
        about |= {name: None if about[name] is None else str(about[name]) for name in SUMS}
        arrays["range"] = pa.array([moments.minimum, moments.maximum])
        return {
            "kind": "numeric",
            "nulls": feature.nulls,
            "nans": feature.nans,
            "moments": about,
        }, arrays
    unseen = feature.unseen
    arrays["unseen"] = pa.array(unseen.counts.keys(), pa.large_string())
    arrays["unseen_counts"] = pa.array(unseen.counts.values(), pa.int64())
    about = {"unseen_rows": unseen.rows, "is_complete": unseen.is_complete}
    return {"kind": "categorical", "nulls": feature.nulls} | about, arrays


def _read(
    about: Mapping[str, Any], place: int, arrays: bundles.Arrays
) -> FeatureProfile | Unprofiled:
    if about["kind"] == "none":
        return Unprofiled(reason=about["reason"])
    counts = np.asarray(arrays[f"{place}.counts"].to_numpy(), dtype=np.int64)
    if about["kind"] == "numeric":
        minimum, maximum = arrays[f"{place}.range"].to_pylist()
        found = about["moments"]
        sums: dict[str, Any] = {
            name: ExactSum(None if found[name] is None else int(found[name])) for name in SUMS
        }
        plain = {name: found[name] for name in PLAIN}
        moments = replace(Moments(minimum=minimum, maximum=maximum, **plain), **sums)
        return NumericProfile(
            counts=counts, nulls=about["nulls"], nans=about["nans"], moments=moments, values=None
        )
    names, rows = (arrays[f"{place}.{what}"].to_pylist() for what in ("unseen", "unseen_counts"))
    unseen = Unseen(
        rows=about["unseen_rows"],
        counts=dict(zip(names, rows, strict=True)),
        is_complete=about["is_complete"],
    )
    return CategoricalProfile(counts=counts, unseen=unseen, nulls=about["nulls"])
