"""Names a value that stands for values that are missing."""

from collections.abc import Iterator

import numpy as np

from ..arrays import FloatArray
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence, gap_between

USUAL = frozenset(
    {0.0, -1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0}
    | {99.0, 999.0, 9999.0, 99999.0, 999999.0, -(2.0**31), 2.0**31 - 1}
)
"""Values by which systems say that there is none."""
LEAST_SHARE = 0.03
"""Of the window's rows, more than in the reference."""
RARE = 0.1
"""The share of a fill value in the reference, in parts of its share in the window, at most."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """The value that became frequent while all others stayed as they were."""
    values, counts = np.unique(evidence.window, return_counts=True)
    shares = counts / counts.sum()
    usual_shares = _shares_of(values, evidence.reference)
    risen = int(np.argmax(shares - usual_shares))
    value, share, usual = (float(each[risen]) for each in (values, shares, usual_shares))
    if share - usual < LEAST_SHARE or usual > RARE * share:
        return
    fault = _fault(evidence, value, share)
    if len(values) == 1:
        yield Explanation(fault=fault, gap=0.0)
        return
    others = evidence.window[evidence.window != value]
    gap = gap_between(evidence.reference[evidence.reference != value], others)
    # fewer rows are left, so chance explains a wider gap
    if gap <= evidence.noise * np.sqrt(len(evidence.window) / len(others)):
        yield Explanation(fault=fault, gap=gap)


def _shares_of(values: FloatArray, reference: FloatArray) -> FloatArray:
    """The share of each value, shape (k,), in an ascending reference."""
    ends = np.searchsorted(reference, values, side="right")
    shares: FloatArray = (ends - np.searchsorted(reference, values, side="left")) / len(reference)
    return shares


def _fault(evidence: NumericEvidence, value: float, share: float) -> Fault:
    is_outside = not evidence.reference[0] <= value <= evidence.reference[-1]
    is_likely = is_outside or value in USUAL or share == 1
    name = Fault.likely if is_likely else Fault.possible
    return name(FaultKind.FILL, f"a fill value: {share:.0%} of the rows hold {value:.10g}")
