"""Names a limit at which values are cut off."""

from collections.abc import Iterator

import numpy as np

from ..arrays import FloatArray
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence

LEAST_SHARE = 0.02
"""Of the reference beyond the limit, and of the window on it; less moves no test."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """An upper limit, a lower one, or both."""
    low, high = evidence.now.minimum, evidence.now.maximum
    if low is None or high is None:
        return
    lower = _limit(evidence.reference, evidence.window, low)
    upper = _limit(-evidence.reference, -evidence.window, -high)
    if lower is None and upper is None:
        return
    ends = low if lower is not None else -np.inf, high if upper is not None else np.inf
    fault = Fault.likely(FaultKind.CLIP, f"a limit: {_words(*ends)}")
    changed = np.clip(evidence.reference, *ends)
    yield from evidence.explained_by_sight(fault, changed)


def _limit(reference: FloatArray, window: FloatArray, low: float) -> float | None:
    """The share of a window that lies on its least value, if the reference has as much at it or below."""
    on_limit, below = float(np.mean(window == low)), float(np.mean(reference < low))
    usual = float(np.mean(reference == low))
    is_cut = min(on_limit - usual, below) >= LEAST_SHARE
    return on_limit if is_cut else None


def _words(low: float, high: float) -> str:
    least, most = f"nothing below {low:.6g}", f"nothing above {high:.6g}"
    if np.isfinite(low) and np.isfinite(high):
        return f"{least}, and {most}"
    return least if np.isfinite(low) else most
