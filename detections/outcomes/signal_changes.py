"""Finds the changes of detectors' signals in a batch: a warning, its end, a drift."""

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import IntArray
from algorithms.concept_drift.averaging import Observations
from algorithms.concept_drift.detector import Changes
from algorithms.verdicts import Signal

MOST_CHANGES = 200
"""Changes that a stream keeps of each detector, the latest."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a detector's signal in a batch, without the time that it occurred.

    Attributes:
        method: The detector.
        row: Of the outcome that changed it, in the batch.
        signal: Since then.
    """

    method: str
    row: int
    signal: Signal


def find_transitions(
    method: str, before: str, observations: int, changes: Changes, shown: Observations
) -> list[Transition]:
    """The changes of a detector's signal in a batch; the latest ones, where there are very many.

    Args:
        method: The detector.
        before: Its signal before the batch.
        observations: Those of the batch.
        changes: What it said to each.
        shown: The observations.
    """
    signals = _signals(observations, changes)
    codes = np.concatenate([[list(Signal).index(Signal(before))], signals])
    drift = list(Signal).index(Signal.DRIFT)
    # Each drift counts, also one right behind another; the end of a drift is none of its own.
    is_changed = (np.diff(codes) != 0) | (codes[1:] == drift)
    is_changed &= (codes[:-1] != drift) | (codes[1:] != list(Signal).index(Signal.STABLE))
    changed = np.flatnonzero(is_changed)
    return [
        Transition(method, shown.row(place), list(Signal)[codes[place + 1]])
        for place in changed[-MOST_CHANGES:].tolist()
    ]


def _signals(observations: int, changes: Changes) -> IntArray:
    """The signal after each observation, as places in `Signal`."""
    signals = np.zeros(observations, np.int64)
    signals[changes.warning] = list(Signal).index(Signal.WARNING)
    signals[changes.drift] = list(Signal).index(Signal.DRIFT)
    return signals
