"""Finds the decimal step that values are multiples of, such as 0.01 of prices."""

import numpy as np

from ..arrays import FloatArray

STEPS = tuple(10.0**power for power in range(3, -7, -1))
"""The steps that are tried, the coarsest first."""
NEARLY_ALL = 0.98
ROUNDING = 4e-15
"""Relative: products and quotients of float64 are off by a few units in the last place, of 2.2e-16 each."""
COARSEST_SLACK = 0.1
"""In steps. With more, every fifth value is a multiple by chance."""


def step_of(values: FloatArray) -> float | None:
    """The coarsest step of which nearly all values, shape (n,), are multiples; None if there is none."""
    return next((step for step in STEPS if is_on_step(values, step)), None)


def is_on_step(values: FloatArray, step: float, slack: float = 0.0) -> bool:
    """True if nearly all values are multiples of a step, and that is no chance.

    Args:
        values: Shape (n,).
        step: Above 0.
        slack: How far a value may be off, in the unit of the values.
    """
    steps = values / step
    allowed = 1e-9 + slack / step + np.abs(steps) * ROUNDING
    if not len(steps) or np.median(allowed) > COARSEST_SLACK:
        return False
    return bool(np.mean(np.abs(steps - np.round(steps)) <= allowed) >= NEARLY_ALL)
