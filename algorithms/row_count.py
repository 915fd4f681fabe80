"""Compares a window's number of rows with that of windows of the reference's time."""

import numpy as np
from scipy import special

from .measures import Measurement

ALL_ROWS = "(rows)"
FEW_WINDOWS = "The reference does not span enough windows to tell how many rows are usual."
FEWEST_WINDOWS = 4


def measure_row_count(usual_rows: tuple[int, ...], rows: int) -> Measurement:
    """The distance of the window's rows from the usual, as a ratio less one, whichever way.

    The evidence is Student's prediction interval for one more window on the logarithms, whose spread is taken as no
    less than that of counts of independent events (Poisson).

    Args:
        usual_rows: Rows of windows of the reference's time, one number a window.
        rows: Rows of the current window.
    """
    if len(usual_rows) < FEWEST_WINDOWS or not rows:
        return Measurement(
            statistic=0.0, effect_size=0.0, p_value=1.0, explanation={}, caveat=FEW_WINDOWS
        )
    logarithms, windows = np.log(np.maximum(usual_rows, 1)), len(usual_rows)
    usual = float(np.exp(logarithms.mean()))
    spread = max(float(logarithms.std(ddof=1)), usual**-0.5) * (1 + 1 / windows) ** 0.5
    distance = abs(float(np.log(rows)) - float(logarithms.mean())) / spread
    ratio = max(rows, usual) / min(rows, usual) - 1
    return Measurement(
        statistic=ratio,
        effect_size=ratio,
        p_value=2 * float(special.stdtr(windows - 1, -distance)),
        explanation={
            "usual": usual,
            "usual_range": [min(usual_rows), max(usual_rows)],
            "windows": windows,
        },
    )
