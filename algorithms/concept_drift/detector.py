"""Defines the base of all detectors of change: their input, their answers and their stored form."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
            return Changes(drift=np.empty(0, np.int64), warning=np.empty(0, np.int64), changes=())
        signals = np.zeros(len(checked), np.uint8)
        found, changes, start = np.empty((CHANGES_AT_ONCE, 4)), [], 0
        while start < len(checked):
            start, count = self._advance(checked, start, signals, found)
            changes += [
                Change(position=int(position), length=int(length), before=before, after=after)
                for position, length, before, after in found[:count].tolist()
            ]
        self.observations += len(checked)
        self.signal = SIGNALS[signals[-1]].value
        return Changes(
            drift=np.flatnonzero(signals == DRIFT),
            warning=np.flatnonzero(signals == WARNING),
            changes=tuple(changes),
        )

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
        if not len(checked):
            return checked
        if count_unusable(checked, self.lowest, self.highest, self.is_binary):
            is_usable = (checked >= self.lowest) & (checked <= self.highest)
            if self.is_binary:
                is_usable &= (checked == 0) | (checked == 1)
            position, name = int(np.argmin(is_usable)), type(self).__name__
            wanted = (
                "0 or 1" if self.is_binary else f"a number from {self.lowest:g} to {self.highest:g}"
            )
            raise UnusableObservation(
                f"{name} needs {wanted}; observation {position} is {checked[position]:g}."
            )
        return checked


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
