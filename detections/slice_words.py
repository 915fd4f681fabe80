"""Names what drifted: a feature of the whole window, or of a slice."""

from collections.abc import Mapping
from typing import Any


def in_words(feature: str, slice_name: str) -> str:
    """A feature, and the slice on which it was judged, in words."""
    return f"{feature} in the slice {slice_name}" if slice_name else feature


def record_in_words(record: Mapping[str, Any]) -> str:
    """The name of a drifted feature's record; one of the whole window names no slice."""
    return in_words(str(record.get("feature", "")), str(record.get("slice") or ""))
