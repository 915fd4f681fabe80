"""Names a factor: another unit, percent for shares, cents for units."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..arrays import FloatArray
from .decimal_steps import is_on_step, step_of
from .factors import MeasuredFactor, measure_factors
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence
from .units import Rank, Unit, known_units

LEAST_FACTOR = 1.5
"""Data grow by less without a fault, as a demand that rises by 30 %."""
SURE = 0.02
"""The relative distance up to which a measured factor is a unit's."""
WIDEST = {Rank.LARGE_POWER: 0.25, Rank.TEN: 0.05, Rank.COMMON: SURE, Rank.RARE: SURE}
"""The same where the measured factor is uncertain. Large powers of ten have no other unit near them."""
LARGEST_ERROR = {Rank.LARGE_POWER: 0.1, Rank.TEN: 0.02, Rank.COMMON: 0.01, Rank.RARE: 0.005}
"""Of a measured factor, to tell a unit from other factors; × 1.7 is 5.5 % away from miles to kilometres."""
ERRORS = 3
COARSER = 0.7
"""A window with fewer distinct values than this part of the reference's was rounded after it was scaled."""
FINER, MUCH_FINER = 0.5, 0.15
"""The step of a window, in steps of the reference, up to which chance does not make all values multiples of both; up to
which it makes few, also of values that are off by half a step."""
FEWEST_STEPS = 20
"""Distinct values of the reference off 0 that can prove a unit by their steps."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """A known unit, if one fits; the measured factor if none does."""
    measured = [each for each in measure_factors(evidence) if _is_large(each.factor)]
    unit = find_unit(evidence, measured)
    if unit is not None:
        words = f"× {unit.factor:.4g} ({unit.words})"
        yield from _explained(evidence, Fault.likely(FaultKind.SCALE, words), unit.factor)
        return
    for each in measured:
        if _has_same_step(evidence, each.factor):
            continue
        fault = Fault.possible(FaultKind.SCALE, f"a factor of about {each.factor:.2g}")
        yield from _explained(evidence, fault, each.factor, is_strict=True)


def _has_same_step(evidence: NumericEvidence, factor: float) -> bool:
    """True if whole numbers stayed whole, which a factor that is not whole itself does to none."""
    step = step_of(evidence.reference)
    if step is None or step != step_of(evidence.window):
        return False
    return not is_on_step(evidence.rows, step * max(1, round(factor)))


def _is_large(factor: float) -> bool:
    return max(factor, 1 / factor) >= LEAST_FACTOR


def _explained(
    evidence: NumericEvidence, fault: Fault, factor: float, *, is_strict: bool = False
) -> Iterator[Explanation]:
    changed = as_coarse(evidence.reference * factor, evidence)
    yield from evidence.explained(fault, changed, is_strict=is_strict)


def as_coarse(changed: FloatArray, evidence: NumericEvidence) -> FloatArray:
    """The changed values, rounded as the window's are if these are coarser."""
    distinct = len(np.unique(evidence.window)), len(np.unique(evidence.reference))
    step = step_of(evidence.window) if distinct[0] < COARSER * distinct[1] else None
    return changed if step is None else np.round(changed / step) * step


def find_unit(evidence: NumericEvidence, measured: Sequence[MeasuredFactor]) -> Unit | None:
    """The unit whose factor was measured; the most common of several, then the nearest."""
    near = {
        unit: each for each in reversed(measured) for unit in known_units() if _is_near(unit, each)
    }
    steps = step_of(evidence.reference), step_of(evidence.window)
    proofs = {unit: _proof(evidence, unit.factor, *steps) for unit in near}
    proven = [unit for unit in near if proofs[unit]]
    unproven = [
        unit for unit, each in near.items() if proofs[unit] is None and _is_sure(unit, each)
    ]
    found = proven or unproven
    return min(found, key=lambda unit: (unit.rank, _distance(unit, near[unit])), default=None)


def _distance(unit: Unit, measured: MeasuredFactor) -> float:
    return float(abs(np.log(measured.factor / unit.factor)))


def _is_near(unit: Unit, measured: MeasuredFactor) -> bool:
    return _distance(unit, measured) <= max(SURE, ERRORS * measured.error)


def _is_sure(unit: Unit, measured: MeasuredFactor) -> bool:
    """True if the measured factor is sure enough, and near enough to the unit's."""
    is_near = _distance(unit, measured) <= WIDEST[unit.rank]
    return is_near and measured.error <= LARGEST_ERROR[unit.rank]


def _proof(
    evidence: NumericEvidence, factor: float, step: float | None, window_step: float | None
) -> bool | None:
    """True if the window, divided by a factor, has the decimal step of the reference; None if there is no step.

    Prices in cents are whole numbers: after × 1.609 they are multiples of 1.609, and after × 1.7 they are not.
    """
    known = evidence.reference[evidence.reference != 0]
    if step is None or len(np.unique(known)) < FEWEST_STEPS:
        return None
    back = evidence.rows[evidence.rows != 0] / factor
    if not len(back):
        return None
    coarse = (window_step or 0.0) / factor
    if is_on_step(back, step):
        return True if _is_no_chance(coarse / step) else None
    return is_on_step(back, step, slack=0.5 * coarse) if coarse <= MUCH_FINER * step else None


def _is_no_chance(ratio: float) -> bool:
    """True if values of a step, in steps of the reference, are not all multiples of the reference's step anyway."""
    return ratio <= FINER or abs(ratio - 1) < 1e-9
