"""Names a rounding: values of a coarser step than before."""

from collections.abc import Callable, Iterator

import numpy as np

from ..arrays import FloatArray
from .decimal_steps import is_on_step, step_of
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence

WAYS: tuple[tuple[str, Callable[[FloatArray], FloatArray]], ...] = (
    ("rounded", np.round),
    ("rounded down", np.floor),
    ("rounded up", np.ceil),
    ("cut off", np.trunc),
)


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """Each way of rounding to the window's step that makes the window of the reference."""
    step = step_of(evidence.window)
    if step is None or is_on_step(evidence.reference, step) or not evidence.window.any():
        return
    for words, change in WAYS:
        fault = Fault.likely(
            FaultKind.ROUNDING, f"values that are {words} to multiples of {step:g}"
        )
        changed = change(evidence.reference / step) * step
        yield from evidence.explained_by_sight(fault, changed)
