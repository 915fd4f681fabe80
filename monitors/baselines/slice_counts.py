"""Counts the slices of a monitor in its reference, which is read once more for them."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.core.exceptions import ValidationError

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.slices.slice_conditions import BadCondition
from algorithms.slices.slice_forms import wheres_of
from monitors.sources import LazyWindow


def with_slices(
    frozen: FrozenBaseline, slices: Sequence[Mapping[str, str]], window: LazyWindow
) -> FrozenBaseline:
    """The baseline with its slices; as it is, and without a read, if there are none.

    Raises:
        ValidationError: If a condition does not fit the features.
        SourceError: If the reference cannot be read once more.
    """
    if not slices:
        return frozen
    is_streamed = window.bytes_at_most >= settings.ENV.data.stream_bytes
    try:
        return frozen.with_slices(wheres_of(slices), window.batches() if is_streamed else window)
    except BadCondition as error:
        raise ValidationError({"slices": f"A condition is wrong {error}"}) from error
