"""Names a number that was added: a time zone, another epoch, another zero of a temperature."""

from collections.abc import Iterator

import numpy as np

from ..value_types import ValueType
from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence

HOUR = 3_600.0
QUARTERS = 4
"""Time zones differ by quarters of an hour."""
FARTHEST_ZONE = 14
"""Hours from UTC to the farthest time zone (Kiribati)."""
TIMES = frozenset({ValueType.INSTANT})
SURE = 0.02
"""Of the spread: how far a measured offset may be from a known one."""
ERRORS = 3
# Seconds between the epochs of clocks, days between those of dates, and zeros of temperatures.
KNOWN = (
    (946_684_800.0, "seconds since 1970, read as since 2000"),
    (2_208_988_800.0, "seconds since 1900, not since 1970"),
    (11_644_473_600.0, "seconds since 1601, not since 1970"),
    (315_964_800.0, "seconds since 1970, not since 1980"),
    (25_569.0, "days since 1900 as of spreadsheets, not since 1970"),
    (273.15, "degrees Celsius to kelvins"),
)
PERIODS = ((24.0, 1.0), (1_440.0, 60.0), (86_400.0, HOUR))
"""The length of a day and of an hour, in the unit of a feature that holds times of day."""
FULL_DAY = 0.75
"""The part of a day that times of day span at least."""


def explain(evidence: NumericEvidence) -> Iterator[Explanation]:
    """A turn of the clock, a known offset, or a plain one that no window of the reference comes near to."""
    turns = list(_turns(evidence))
    if turns:
        yield min(turns, key=lambda each: each.gap)
        return
    yield from _fahrenheit(evidence)
    offset, error = _measured(evidence)
    known = _known(evidence, offset, error)
    if known is not None:
        fault = Fault.likely(FaultKind.OFFSET, f"{known[1]} (an offset of {known[0]:+.10g})")
        yield from evidence.explained(fault, evidence.reference + known[0])
    elif abs(offset) > np.ptp(evidence.reference):
        fault = Fault.possible(FaultKind.OFFSET, f"an offset of about {offset:+.3g}")
        yield from evidence.explained(fault, evidence.reference + offset, is_strict=True)


def _measured(evidence: NumericEvidence) -> tuple[float, float]:
    """The difference of the means of all rows, and its standard error."""
    before, now = evidence.before, evidence.now
    if before.mean is None or now.mean is None or before.std is None or now.std is None:
        return 0.0, 0.0
    error = np.hypot(
        before.std / np.sqrt(evidence.reference_rows), now.std / np.sqrt(evidence.window_rows)
    )
    return now.mean - before.mean, float(error)


def _known(evidence: NumericEvidence, offset: float, error: float) -> tuple[float, str] | None:
    """The known offset that is nearest to a measured one, if it is near enough."""
    offsets = [*KNOWN, *((-number, f"{words}, turned round") for number, words in KNOWN)]
    if evidence.value_type in TIMES:
        offsets += _zones()
    spread = float(np.subtract(*np.quantile(evidence.reference, [0.95, 0.05])))
    allowed = max(SURE * spread, ERRORS * error)
    nearest = min(offsets, key=lambda known: abs(known[0] - offset))
    return nearest if abs(nearest[0] - offset) <= allowed else None


def _zones() -> list[tuple[float, str]]:
    steps = range(-FARTHEST_ZONE * QUARTERS, FARTHEST_ZONE * QUARTERS + 1)
    hours = (step / QUARTERS for step in steps if step)
    return [(hour * HOUR, f"another time zone, {hour:+g} hours") for hour in hours]


def _turns(evidence: NumericEvidence) -> Iterator[Explanation]:
    """Times of day that were turned by whole hours, as by another time zone."""
    reference = evidence.reference
    for day, hour in PERIODS:
        is_day = reference[0] >= 0 and reference[-1] < day and np.ptp(reference) > FULL_DAY * day
        for turned in range(1, 24) if is_day else ():
            hours = turned if turned <= 12 else turned - 24
            words = f"another time zone, {hours:+d} hours"
            changed = (reference + turned * hour) % day
            fault = Fault.likely(FaultKind.OFFSET, words)
            yield from evidence.explained(fault, changed)


def _fahrenheit(evidence: NumericEvidence) -> Iterator[Explanation]:
    """Degrees of the other scale of temperatures."""
    reference = evidence.reference
    there = Fault.likely(FaultKind.OFFSET, "degrees Celsius to Fahrenheit (× 1.8 + 32)")
    back = Fault.likely(FaultKind.OFFSET, "degrees Fahrenheit to Celsius (− 32, × 5/9)")
    yield from evidence.explained(there, reference * 1.8 + 32, is_strict=True)
    yield from evidence.explained(back, (reference - 32) / 1.8, is_strict=True)
