"""Detects changes in streams of right (0) and wrong (1) predictions: DDM and its early variant."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit
from .detector import DRIFT, WARNING, Detector, SignalArray
from .detector_spec import DetectorSpec


@dataclass(slots=True, kw_only=True)
class DDM(Detector):
    """Drift Detection Method: alarms when the error rate leaves the best one seen by some standard errors.

    With p the error rate and s = √(p(1−p)/n) since the last drift, the lowest p + s is kept as p_min and s_min. There
    is a drift once p + s > p_min + `drift_threshold`·s_min. It sees errors become more frequent, never rarer. With its
    defaults it answers as river 0.26's `drift.binary.DDM` does.

    Source: Gama, Medas, Castillo, Rodrigues: Learning with drift detection. SBIA 2004.

    Attributes:
        warm_start: Observations after a start without an answer.
        warning_threshold: Standard errors to a warning.
        drift_threshold: Standard errors to a drift.
        min_errors: Errors after a start without an answer, or the first error of a model that makes few is a drift.
        n: Observations since the last drift.
        error_rate: Their mean.
        best_n: Where the lowest p + s was.
        best_rate: p_min; None before there is one.
        warned_n: Observations before the warning that stands, which is held to be the change point; None without one.
        warned_rate: Their mean.
    """

    warm_start: int = 30
    warning_threshold: float = 2.0
    drift_threshold: float = 3.0
    min_errors: int = 0

    n: int = 0
    error_rate: float = 0.0
    best_n: int = 0
    best_rate: float | None = None
    warned_n: int | None = None
    warned_rate: float = 0.0

    is_binary: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.warm_start < 1 or not 0 < self.warning_threshold <= self.drift_threshold:
            raise ValueError("DDM: 1 ≤ warm_start, and 0 < warning_threshold ≤ drift_threshold.")

    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        thresholds = (self.warning_threshold, self.drift_threshold)
        settings = (self.warm_start, *thresholds, self.min_errors)
        state = self._packed()
        reached, count = advance_ddm(values, start, *settings, state, signals, changes)
        self._unpack(*state.tolist())
        return int(reached), int(count)

    def _packed(self) -> FloatArray:
        """The state as the kernel keeps it, NaN for None."""
        best = (self.best_n, _nan_if_none(self.best_rate))
        warned = (_nan_if_none(self.warned_n), self.warned_rate)
        return np.array([self.n, self.error_rate, *best, *warned])

    def _unpack(
        self, n: float, rate: float, best_n: float, best_rate: float, warned_n: float,
        warned_rate: float,
    ) -> None:  # fmt: skip
        self.n, self.error_rate = int(n), rate
        self.best_n, self.best_rate = int(best_n), None if np.isnan(best_rate) else best_rate
        self.warned_n = None if np.isnan(warned_n) else int(warned_n)
        self.warned_rate = warned_rate


def _nan_if_none(value: float | None) -> float:
    return np.nan if value is None else value


@dataclass(slots=True, kw_only=True)
class EDDM(Detector):
    """Early Drift Detection Method: alarms when errors come closer together than they once did.

    With p' the mean and s' the standard deviation of the distances between errors since the last drift, the greatest
    p' + 2s' is kept; there is a drift once the present one is less than `beta` times that, and a warning below `alpha`.
    With its defaults it answers as river 0.26's `drift.binary.EDDM` does, and so alarms on nearly every stationary
    stream.

    Source: Baena-García et al.: Early drift detection method. Fourth International Workshop on Knowledge Discovery from
    Data Streams, 2006.

    Attributes:
        warm_start: Observations, and errors, after a start without an answer.
        alpha: Share of the greatest p' + 2s' below which there is a warning.
        beta: The same for a drift.
        n: Observations since the last drift.
        errors: Errors among them.
        last_error: Where the last one was.
        distance: Mean distance between errors.
        squares: Sum of the distances' squared deviations.
        greatest: The greatest p' + 2s'; None before there is one.
        warned_n: Observations before the warning that stands, which is held to be the change point; −1 without one.
        warned_errors: Errors among them.
    """

    warm_start: int = 30
    alpha: float = 0.95
    beta: float = 0.9

    n: int = 0
    errors: int = 0
    last_error: int = 0
    distance: float = 0.0
    squares: float = 0.0
    greatest: float | None = None
    warned_n: int = -1
    warned_errors: int = 0

    is_binary: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.warm_start < 1 or not 0 < self.beta <= self.alpha:
            raise ValueError("EDDM: 1 ≤ warm_start, and 0 < beta ≤ alpha.")

    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        counts, sums = self._packed()
        settings = (self.warm_start, self.alpha, self.beta)
        reached, count = advance_eddm(values, start, *settings, counts, sums, signals, changes)
        self._unpack(counts, sums)
        return int(reached), int(count)

    def _packed(self) -> tuple[IntArray, FloatArray]:
        """The state's counts and sums as the kernel keeps them, −1 for no greatest reach."""
        warned = (self.warned_n, self.warned_errors)
        counts = np.array([self.n, self.errors, self.last_error, *warned], np.int64)
        greatest = -1.0 if self.greatest is None else self.greatest
        return counts, np.array([self.distance, self.squares, greatest])

    def _unpack(self, counts: IntArray, sums: FloatArray) -> None:
        self.n, self.errors, self.last_error, self.warned_n, self.warned_errors = counts.tolist()
        self.distance, self.squares, greatest = sums.tolist()
        self.greatest = None if greatest < 0 else greatest


@jit
def advance_ddm(
    values: FloatArray, start: int, warm_start: int, warning: float, drift: float, min_errors: int, state: FloatArray,
    signals: SignalArray, changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """DDM over values, shape (n,), from `start`; `state` holds the detector's fields in order, NaN for None."""
    n, rate, best_n, best_rate, warned_n, warned_rate = state
    best_error = np.sqrt(best_rate * (1 - best_rate) / best_n) if best_n else np.nan
    best = best_rate + best_error if best_n else np.inf
    found, row = 0, start
    while row < len(values) and found < len(changes):
        before = rate
        n += 1.0
        rate += (1.0 / n) * (values[row] - rate)
        if n > warm_start and n * rate > min_errors - 0.5:
            error = np.sqrt(rate * (1 - rate) / n)
            if rate + error <= best:
                best_n, best_rate, best_error = n, rate, error
                best = best_rate + best_error
            if rate + error > best_rate + warning * best_error:
                if warned_n != warned_n:
                    warned_n, warned_rate = n - 1.0, before
                signals[row] = WARNING
                if rate + error > best_rate + drift * best_error:
                    signals[row] = DRIFT
                    length = n - warned_n
                    changes[found, 0], changes[found, 1] = row, length
                    changes[found, 2], changes[found, 3] = (
                        warned_rate,
                        (n * rate - warned_n * warned_rate) / length,
                    )
                    found += 1
                    n, rate, best_n, best_rate, best, warned_n = (
                        0.0,
                        0.0,
                        0.0,
                        np.nan,
                        np.inf,
                        np.nan,
                    )
            else:
                warned_n = np.nan
        row += 1
    state[0], state[1], state[2], state[3], state[4], state[5] = (
        n,
        rate,
        best_n,
        best_rate,
        warned_n,
        warned_rate,
    )
    return row, found


@jit
def advance_eddm(
    values: FloatArray, start: int, warm_start: int, alpha: float, beta: float, counts: IntArray, sums: FloatArray,
    signals: SignalArray, changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """EDDM over values, shape (n,), from `start`; `counts` and `sums` hold the detector's fields in their order."""
    n, errors, last_error, warned_n, warned_errors = counts
    distance, squares, greatest = sums
    found, row = 0, start
    while row < len(values) and found < len(changes):
        n += 1
        if values[row] == 1.0:
            gap = np.float64(n - last_error)
            last_error = n
            errors += 1
            mean = distance + (1.0 / errors) * (gap - distance)
            squares += (gap - distance) * (gap - mean)
            distance = mean
            if n > warm_start:
                reach = distance + 2 * np.sqrt(squares / (errors - 1) if errors > 1 else 0.0)
                if reach > greatest:
                    greatest = reach
                elif errors > warm_start:
                    level = reach / greatest
                    if level >= alpha:
                        warned_n = -1
                    elif warned_n < 0:
                        warned_n, warned_errors = n - np.int64(gap), errors - 1
                    if level < beta:
                        signals[row] = DRIFT
                        changes[found, 0], changes[found, 1] = row, n - warned_n
                        changes[found, 2] = warned_errors / max(warned_n, 1)
                        changes[found, 3] = (errors - warned_errors) / (n - warned_n)
                        found += 1
                        n, errors, last_error, warned_n = 0, 0, 0, -1
                        distance, squares, greatest = 0.0, 0.0, -1.0
        if warned_n >= 0:
            signals[row] = WARNING
        row += 1
    counts[0], counts[1], counts[2], counts[3], counts[4] = (
        n,
        errors,
        last_error,
        warned_n,
        warned_errors,
    )
    sums[0], sums[1], sums[2] = distance, squares, greatest
    return row, found


DDM_SPEC = DetectorSpec(
    title="Drift Detection Method",
    detector=DDM,
    calibrated={"warm_start": 1000, "drift_threshold": 3.25, "min_errors": 10},
)
EDDM_SPEC = DetectorSpec(
    title="Early Drift Detection Method",
    detector=EDDM,
    calibrated={"warm_start": 100, "alpha": 0.7, "beta": 0.6},
)
