"""Names a logarithm that was taken, or not taken any more."""

from collections.abc import Callable, Iterator

import numpy as np

from ..arrays import FloatArray
from .decimal_steps import step_of
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence
from .scale_fault import as_coarse

type Change = Callable[[FloatArray], FloatArray]

LOGARITHMS: tuple[tuple[str, Change], ...] = (
    ("the natural logarithm", np.log),
    ("the logarithm of 1 + x", np.log1p),
    ("the logarithm to base 10", np.log10),
    ("the logarithm to base 2", np.log2),
)
POWERS: tuple[tuple[str, Change], ...] = (
    ("values whose natural logarithm was taken before", np.exp),
    ("values of which the logarithm of 1 + x was taken before", np.expm1),
    ("values whose logarithm to base 10 was taken before", lambda values: 10.0**values),
    ("values whose logarithm to base 2 was taken before", np.exp2),
)
WIDEST = 300.0
"""Powers of more leave the range of floats."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """Each logarithm and each power that makes the window of the reference."""
    step = step_of(evidence.window)
    if step is not None and step == step_of(evidence.reference):
        return  # logarithms and powers leave no whole numbers whole
    for words, change in (*LOGARITHMS, *POWERS):
        if change in _powers() and evidence.reference[-1] > WIDEST:
            continue
        changed = _changed(evidence.reference, change)
        fault = Fault.likely(FaultKind.LOG, words)
        yield from evidence.explained(fault, as_coarse(changed, evidence))


def _powers() -> list[Change]:
    return [change for _, change in POWERS]


def _changed(reference: FloatArray, change: Change) -> FloatArray:
    """The values that have a logarithm; where many have none, NaN."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        changed = change(reference)
    kept: FloatArray = changed[np.isfinite(changed)]
    return kept if len(kept) >= 0.98 * len(changed) else np.full(1, np.nan)
