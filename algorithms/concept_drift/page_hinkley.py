"""Detects changes by the Page–Hinkley test, in streams of any bounded numbers."""

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit
from .detector import DRIFT, Detector, SignalArray
from .detector_spec import DetectorSpec

UP, DOWN = 1, 2
MODES = {"up": UP, "down": DOWN, "both": UP | DOWN}


@dataclass(slots=True, kw_only=True)
class PageHinkley(Detector):
    """Page–Hinkley test: alarms when deviations from the running mean have added up, in either direction.

    With m the mean since the last drift, u = αu + (x − m) − δ is kept with its lowest value and d = αd + (x − m) + δ
    with its highest; there is a drift once u − min u, or max d − d, passes the threshold. With its defaults it answers
    as river 0.26's `drift.PageHinkley` does, and these are made for numbers that differ by tens: errors of 0 and 1
    hardly ever add up to 50.

    Source: Page: Continuous inspection schemes. Biometrika 41, 1954.

    Attributes:
        min_instances: Observations after a start without an answer.
        delta: Deviation that is tolerated.
        threshold: Sum of deviations from which there is a drift.
        alpha: What is kept of a sum from one observation to the next.
        mode: `up`, `down` or `both`: which changes of the mean are looked for.
        n: Observations since the last drift.
        mean: Their mean.
        increase: u.
        decrease: d.
        least_increase: The lowest u; None before there is one.
        most_decrease: The highest d, or −1.
        increase_n: Where u was lowest, and the mean then.
        increase_mean: See there.
        decrease_n: Where d was highest, and the mean then.
        decrease_mean: See there.
    """

    min_instances: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 1 - 0.0001
    mode: str = "both"

    n: int = 0
    mean: float = 0.0
    increase: float = 0.0
    decrease: float = 0.0
    least_increase: float | None = None
    most_decrease: float = -1.0
    increase_n: int = 0
    increase_mean: float = 0.0
    decrease_n: int = 0
    decrease_mean: float = 0.0

    def __post_init__(self) -> None:
        is_usable = self.min_instances >= 1 and self.threshold > 0 and 0 < self.alpha <= 1
        if not is_usable or self.mode not in MODES:
            raise ValueError(
                "PageHinkley: min_instances ≥ 1, threshold > 0, 0 < alpha ≤ 1, "
                f"mode one of {', '.join(MODES)}."
            )

    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        counts = np.array([self.n, self.increase_n, self.decrease_n], np.int64)
        sums = self._packed_sums()
        settings = (self.min_instances, self.delta, self.threshold, self.alpha, MODES[self.mode])
        reached, count = advance_page_hinkley(
            values, start, *settings, counts, sums, signals, changes
        )
        self.n, self.increase_n, self.decrease_n = counts.tolist()
        self._unpack_sums(*sums.tolist())
        return int(reached), int(count)

    def _packed_sums(self) -> FloatArray:
        """The means and the sums as the kernel keeps them, inf for no lowest sum."""
        least = np.inf if self.least_increase is None else self.least_increase
        extremes = (least, self.most_decrease)
        means = (self.increase_mean, self.decrease_mean)
        return np.array([self.mean, self.increase, self.decrease, *extremes, *means])

    def _unpack_sums(
        self, mean: float, increase: float, decrease: float, least: float, most: float,
        increase_mean: float, decrease_mean: float,
    ) -> None:  # fmt: skip
        self.mean, self.increase, self.decrease = mean, increase, decrease
        self.least_increase = None if least == np.inf else least
        self.most_decrease = most
        self.increase_mean, self.decrease_mean = increase_mean, decrease_mean


@jit
def advance_page_hinkley(
    values: FloatArray, start: int, min_instances: int, delta: float, threshold: float, alpha: float, mode: int,
    counts: IntArray, sums: FloatArray, signals: SignalArray, changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """The test over values, shape (n,), from `start`; `counts` and `sums` hold the detector's fields in their order."""
    n, increase_n, decrease_n = counts
    mean, increase, decrease, least, most, increase_mean, decrease_mean = sums
    found, row = 0, start
    while row < len(values) and found < len(changes):
        value = values[row]
        n += 1
        mean += (1.0 / n) * (value - mean)
        away = value - mean
        increase = alpha * increase + away - delta
        decrease = alpha * decrease + away + delta
        if increase < least:
            least, increase_n, increase_mean = increase, n, mean
        if decrease > most:
            most, decrease_n, decrease_mean = decrease, n, mean
        if n >= min_instances:
            is_up = (mode & UP) != 0 and increase - least > threshold
            if is_up or ((mode & DOWN) != 0 and most - decrease > threshold):
                until, before = (
                    (increase_n, increase_mean) if is_up else (decrease_n, decrease_mean)
                )
                length = max(n - until, 1)
                signals[row] = DRIFT
                changes[found, 0], changes[found, 1], changes[found, 2] = row, length, before
                changes[found, 3] = (n * mean - (n - length) * before) / length
                found += 1
                n, increase_n, decrease_n = 0, 0, 0
                mean, increase, decrease, least, most = 0.0, 0.0, 0.0, np.inf, -1.0
                increase_mean, decrease_mean = 0.0, 0.0
        row += 1
    counts[0], counts[1], counts[2] = n, increase_n, decrease_n
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6] = (
        mean, increase, decrease, least, most, increase_mean, decrease_mean,
    )  # fmt: skip
    return row, found


SPEC = DetectorSpec(
    title="Page–Hinkley test",
    detector=PageHinkley,
    calibrated={"delta": 0.02, "threshold": 40.0, "alpha": 1.0},
    calibrated_for_means={"delta": 0.25, "threshold": 12.0, "min_instances": 8},
)
