"""Names a sign that was turned round or lost."""

from collections.abc import Iterator

import numpy as np

from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence

FEWEST = 0.05
"""The share of negative values without which a lost sign changes nothing."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """The other sign, or none."""
    reference = evidence.reference
    turned = Fault.likely(FaultKind.SIGN, "the other sign (× −1)")
    yield from evidence.explained(turned, -reference)
    if np.mean(reference < 0) >= FEWEST and evidence.window[0] >= 0:
        lost = Fault.likely(FaultKind.SIGN, "a sign that is lost (the absolute value)")
        yield from evidence.explained(lost, np.abs(reference))
