"""Tests for a constant mean; the test stays valid when it is read after every observation."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..arrays import FloatArray
from ..kernels.compiler import jit
from ..verdicts import Signal
from .detector import DRIFT, STABLE, WARNING, Detector, SignalArray
from .detector_spec import DetectorSpec

CANDIDATES = 48
SPACING = 8
"""Observations between two looks, and between two candidates for the change point."""
PRIOR_SUM = 2.11
"""Σ 1/(k ln² k) over k ≥ 2 is 2.1098, so divided by this the weights of the candidates add up to no more than 1."""
START, START_TOTAL, START_LOG, TOTAL, LOG, PRODUCT = range(6)
"""Rows of the candidates' table; the first candidate is the one that sees no change."""


@dataclass(slots=True, kw_only=True)
class EProcess(Detector):
    """Two-sided e-process against a constant mean of values from 0 to 1: alarms when E ≥ 1/α.

    E compares two gamblers. One bets on each value with the Krichevsky–Trofimov estimate (S + ½)/(n + 1) from the
    values since the last drift, and forgets them all at a change point; over the change points, every eighth
    observation, their fortunes are averaged with weights ∝ 1/(k ln² k) that add up to less than 1. The other knew the
    mean beforehand and bets on the best constant. If the mean, given the past, really is constant, E is at most a
    non-negative supermartingale that begins at 1, so by Ville's inequality the chance that it *ever* reaches 1/α is at
    most α, whatever the mean, however long the stream and however often it is looked at. No other detector here can
    say that. Old candidates are thinned out to keep the memory bounded, which costs a little power and no validity.
    There is a warning from E ≥ 1/√α.

    Source: Ramdas, Grünwald, Vovk, Shafer: Game-theoretic statistics and safe anytime-valid inference. Statistical
    Science 38, 2023; universal inference: Wasserman, Ramdas, Balakrishnan, PNAS 117, 2020.

    Attributes:
        alpha: Chance of an alarm, ever, on a stream whose mean is constant.
        n: Observations since the last drift.
        total: Their sum.
        spawned: Change points ever considered since the last drift.
        candidates: The change points that are considered, the beginning first, in six rows: where they are; the sum
            until there; the logarithm of the weight and of the fortune until there; the sum since; the logarithm of
            the fortune since, up to the last look; and the fortune since that look.
    """

    alpha: float = 0.001

    n: int = 0
    total: float = 0.0
    spawned: int = 0
    candidates: list[list[float]] = field(
        default_factory=lambda: [[0.0], [0.0], [0.0], [0.0], [0.0], [1.0]]
    )

    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("EProcess: 0 < alpha < 1.")

    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        state, table = self._packed()
        evidence = -np.log(self.alpha)
        reached, count = advance_e_process(values, start, evidence, state, table, signals, changes)
        self._unpack(state, table)
        return int(reached), int(count)

    def _packed(self) -> tuple[FloatArray, FloatArray]:
        """The state as the kernel keeps it, with a table that has room for all candidates."""
        kept = len(self.candidates[START])
        table = np.zeros((len(self.candidates), CANDIDATES))
        table[:, :kept] = self.candidates
        is_warning = self.signal == Signal.WARNING
        return np.array([self.n, self.total, kept, self.spawned, is_warning]), table

    def _unpack(self, state: FloatArray, table: FloatArray) -> None:
        n, self.total, kept, spawned, _ = state.tolist()
        self.n, self.spawned = int(n), int(spawned)
        self.candidates = table[:, : int(kept)].tolist()


@jit
def advance_e_process(
    values: FloatArray, start: int, evidence: float, state: FloatArray, table: FloatArray, signals: SignalArray,
    changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """The test over values, shape (n,), from `start`; `state` and `table` hold the detector's fields."""
    n, total, kept, spawned, is_warning = state[0], state[1], int(state[2]), int(state[3]), state[4]
    found, row = 0, start
    while row < len(values) and found < len(changes):
        _bet(values[row], n, kept, table)
        total += values[row]
        n += 1.0
        if int(n) % SPACING == 0:
            best, log_mixed = _mix(kept, table)
            log_e = log_mixed - _log_best_constant(total, n)
            is_warning = 1.0 if log_e >= evidence / 2 else 0.0
            if log_e >= evidence and best > 0:
                signals[row] = DRIFT
                begun = table[START, best]
                changes[found, 0], changes[found, 1] = row, n - begun
                changes[found, 2], changes[found, 3] = (
                    table[START_TOTAL, best] / begun,
                    table[TOTAL, best] / (n - begun),
                )
                found += 1
                n, total, kept, spawned, is_warning = 0.0, 0.0, 1, 0, 0.0
                table[LOG, 0], table[TOTAL, 0] = 0.0, 0.0
                row += 1
                continue
            spawned += 1
            kept = _spawn(n, total, spawned, kept, table)
        signals[row] = WARNING if is_warning else STABLE
        row += 1
    state[0], state[1], state[2], state[3], state[4] = n, total, kept, spawned, is_warning
    return row, found


@jit
def _bet(value: float, n: float, kept: int, table: FloatArray) -> None:
    """Multiply each fortune by q^x (1 − q)^(1 − x), q its Krichevsky–Trofimov estimate."""
    totals, products, starts = table[TOTAL, :kept], table[PRODUCT, :kept], table[START, :kept]
    if value == 0.0 or value == 1.0:
        for place in range(kept):
            estimate = (totals[place] + 0.5) / (n - starts[place] + 1.0)
            products[place] *= value * estimate + (1.0 - value) * (1.0 - estimate)
            totals[place] += value
    else:
        for place in range(kept):
            estimate = (totals[place] + 0.5) / (n - starts[place] + 1.0)
            products[place] *= np.exp(
                value * np.log(estimate) + (1.0 - value) * np.log1p(-estimate)
            )
            totals[place] += value


@jit
def _mix(kept: int, table: FloatArray) -> tuple[int, float]:
    """The change point with the largest fortune, and the logarithm of the weighted mean of all."""
    best, largest = 0, -np.inf
    for place in range(kept):
        table[LOG, place] += np.log(table[PRODUCT, place])
        table[PRODUCT, place] = 1.0
        fortune = table[START_LOG, place] + table[LOG, place]
        if fortune > largest:
            best, largest = place, fortune
    mixed = 0.0
    for place in range(kept):
        mixed += np.exp(table[START_LOG, place] + table[LOG, place] - largest)
    return best, largest + np.log(mixed)


@jit
def _log_best_constant(total: float, n: float) -> float:
    """The logarithm of the greatest p^S (1 − p)^(n − S)."""
    rate = total / n
    log = total * np.log(rate) if rate > 0.0 else 0.0
    return log + ((n - total) * np.log1p(-rate) if rate < 1.0 else 0.0)


@jit
def _spawn(n: float, total: float, spawned: int, kept: int, table: FloatArray) -> int:
    """Consider a change here; where there are too many candidates, first forget one that has others close by."""
    if kept == table.shape[1]:
        gone, closest = 1, np.inf
        for place in range(1, kept - 1):
            gap = (table[START, place + 1] - table[START, place - 1]) / (n - table[START, place])
            if gap < closest:
                gone, closest = place, gap
        for row in range(len(table)):
            for place in range(gone, kept - 1):
                table[row, place] = table[row, place + 1]
        kept -= 1
    rank = np.log(spawned + 1.0)
    table[START, kept], table[START_TOTAL, kept] = n, total
    table[START_LOG, kept] = table[LOG, 0] - np.log(PRIOR_SUM * (spawned + 1.0) * rank * rank)
    table[TOTAL, kept], table[LOG, kept], table[PRODUCT, kept] = 0.0, 0.0, 1.0
    return kept + 1


SPEC = DetectorSpec(
    title="E-process",
    detector=EProcess,
    calibrated={"alpha": 0.001},
    is_default=True,
    is_in_river=False,
)
