"""The row count of a window against that of windows of the reference's time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import special

from .measurement import Measurement
from .method_spec import MethodSpec, ThresholdKind

FEW_WINDOWS = (
    "The reference does not have enough windows of this length to tell how many rows are usual."
)
FEWEST_WINDOWS = 4
NOT_KNOWN = Measurement(
    statistic=0.0, effect_size=0.0, p_value=1.0, caveat=FEW_WINDOWS, is_judgeable=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """The usual row count: its logarithm's mean and the spread of one more window's logarithm."""

    log_mean: float
    spread: float
    windows: int

    @classmethod
    def of(cls, row_counts: Sequence[int]) -> Self:
        logarithms, windows = np.log(np.maximum(row_counts, 1)), len(row_counts)
        log_mean = float(logarithms.mean())
        # counts of independent events (Poisson) spread by 1/√n on the logarithm, no less
        by_chance = float(np.exp(log_mean)) ** -0.5
        spread = max(float(logarithms.std(ddof=1)), by_chance) * (1 + 1 / windows) ** 0.5
        return cls(log_mean=log_mean, spread=spread, windows=windows)

    @property
    def rows(self) -> float:
        return float(np.exp(self.log_mean))

    def p_value(self, rows: int) -> float:
        distance = abs(float(np.log(rows)) - self.log_mean) / self.spread
        return 2 * float(special.stdtr(self.windows - 1, -distance))


def measure_row_count(usual_rows: Sequence[int], rows: int) -> Measurement:
    """The distance of the window's rows from the usual, as a ratio less one, whichever way.

    The evidence is Student's prediction interval for one more window on the logarithms, whose spread is taken as no
    less than that of counts of independent events (Poisson).

    Args:
        usual_rows: Rows of windows of the reference's time, one number a window.
        rows: Rows of the current window.
    """
    if len(usual_rows) < FEWEST_WINDOWS or not rows:
        return NOT_KNOWN
    usual = _Usual.of(usual_rows)
    ratio = max(rows, usual.rows) / min(rows, usual.rows) - 1
    return Measurement(
        statistic=ratio,
        effect_size=ratio,
        p_value=usual.p_value(rows),
        explanation={
            "usual": usual.rows,
            "usual_range": [min(usual_rows), max(usual_rows)],
            "windows": usual.windows,
        },
    )


SPEC = MethodSpec(
    title="Row count",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.5,
    highest_threshold=1000.0,
    row_count=measure_row_count,
    is_default=True,
)
