"""Defines the base of all detectors of change: their input, their answers and their stored form."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit
from ..verdicts import Signal

type SignalArray = npt.NDArray[np.uint8]

STABLE, WARNING, DRIFT = 0, 1, 2
SIGNALS = (Signal.STABLE, Signal.WARNING, Signal.DRIFT)
LARGEST = 1e100
"""Of larger values the squares, summed, would not be numbers any more."""
CHANGES_AT_ONCE = 1024


class UnusableObservation(ValueError):
    """A detector was given something that it cannot learn from; its state is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One drift, as a detector describes it.

    Attributes:
        position: Of the observation that made it certain, in the array.
        length: Observations since the change began, that one included, so `position - length + 1` is the change point.
        before: Mean of the observations that are held to come from before it.
        after: Mean of the `length` observations.
    """

    position: int
    length: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The drifts and warnings that a detector found in an array of observations.

    Attributes:
        drift: Shape (k,), ascending positions in the array.
        warning: Shape (w,), positions at which there was a warning and no drift.
        changes: Length k, what is known of each drift.
    """

    drift: IntArray
    warning: IntArray
    changes: tuple[Change, ...]


NO_CHANGES = Changes(drift=np.empty(0, np.int64), warning=np.empty(0, np.int64), changes=())


@dataclass(slots=True, kw_only=True)
class Detector(ABC):
    """Watches one stream.

    Attributes:
        observations: All that it was ever given.
        signal: Its answer to the last one.
    """

    observations: int = 0
    signal: str = Signal.STABLE.value

    is_binary: ClassVar[bool] = False
    lowest: ClassVar[float] = -LARGEST
    highest: ClassVar[float] = LARGEST

    def update(self, value: float) -> Signal:
        """Take one observation.

        Raises:
            UnusableObservation: If it is not a number the detector can use.
        """
        self.update_many(np.array([value], np.float64))
        return Signal(self.signal)

    def update_many(self, values: npt.ArrayLike) -> Changes:
        """Take observations, shape (n,), in order; the same as one `update` for each.

        Raises:
            UnusableObservation: If one of them is not a number the detector can use; then none is taken.
        """
        checked = self._checked(values)
        if not len(checked):
            return NO_CHANGES
        signals = np.zeros(len(checked), np.uint8)
        changes = tuple(self._changes(checked, signals))
        self.observations += len(checked)
        self.signal = SIGNALS[signals[-1]].value
        drift, warning = np.flatnonzero(signals == DRIFT), np.flatnonzero(signals == WARNING)
        return Changes(drift=drift, warning=warning, changes=changes)

    def _changes(self, values: FloatArray, signals: SignalArray) -> Iterator[Change]:
        """Advance over all values, as far as there is room for changes at a time."""
        found, start = np.empty((CHANGES_AT_ONCE, 4)), 0
        while start < len(values):
            start, count = self._advance(values, start, signals, found)
            for position, length, before, after in found[:count].tolist():
                yield Change(position=int(position), length=int(length), before=before, after=after)

    def as_json(self) -> dict[str, Any]:
        """The settings and the state as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The detector that `as_json` wrote."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    @abstractmethod
    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        """Go on from `start` until the end of `values`, or of the room in `changes`.

        Args:
            values: Shape (n,), checked.
            start: The first value to take.
            signals: Shape (n,), zeros; a warning and a drift are written where they occur.
            changes: Shape (room, 4), for the fields of a `Change`.

        Returns:
            The first value not taken, and the rows of `changes` that were written.
        """

    def _checked(self, values: npt.ArrayLike) -> FloatArray:
        try:
            checked = np.require(np.asarray(values, np.float64), requirements=["C", "W"])
        except (TypeError, ValueError) as error:
            raise UnusableObservation(f"Observations are numbers: {error}") from error
        if checked.ndim != 1:
            raise UnusableObservation(f"Observations come in one dimension, not in {checked.ndim}.")
        if count_unusable(checked, self.lowest, self.highest, self.is_binary):
            raise UnusableObservation(self._first_unusable(checked))
        return checked

    def _first_unusable(self, values: FloatArray) -> str:
        """Say at which position the first value stands that the detector cannot use."""
        is_usable = (values >= self.lowest) & (values <= self.highest)
        wanted = f"a number from {self.lowest:g} to {self.highest:g}"
        if self.is_binary:
            is_usable &= (values == 0) | (values == 1)
            wanted = "0 or 1"
        position, name = int(np.argmin(is_usable)), type(self).__name__
        return f"{name} needs {wanted}; observation {position} is {values[position]:g}."


@jit
def count_unusable(values: FloatArray, lowest: float, highest: float, is_binary: bool) -> int:
    """The number of values, shape (n,), that are not between the bounds, or neither 0 nor 1 where that is needed."""
    usable = 0
    if is_binary:
        for row in range(len(values)):
            usable += (values[row] == 0.0) | (values[row] == 1.0)
    else:
        for row in range(len(values)):
            usable += (values[row] >= lowest) & (values[row] <= highest)
    return len(values) - usable
