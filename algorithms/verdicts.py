"""Defines verdicts, signals and severities, and combines them."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """The conclusion about a feature, a method or a run."""

    OK = "ok"
    DRIFT = "drift"
    INSUFFICIENT_DATA = "insufficient_data"
    UNSUPPORTED = "unsupported"
    NO_DATA = "no_data"
    ERROR = "error"


class Signal(StrEnum):
    """The size of a measured feature's move."""

    STABLE = "stable"
    WARNING = "warning"
    DRIFT = "drift"


class Severity(StrEnum):
    """The size of a drift."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


LOUDEST_FIRST = (
    Verdict.DRIFT,
    Verdict.ERROR,
    Verdict.INSUFFICIENT_DATA,
    Verdict.UNSUPPORTED,
    Verdict.OK,
    Verdict.NO_DATA,
)
SEVERITY_FROM_RATIO = ((2.5, Severity.CRITICAL), (1.5, Severity.WARNING))


def combine_verdicts(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for many: the first of drift, error, insufficient_data, unsupported, ok and no_data."""
    found = set(verdicts)
    return next((verdict for verdict in LOUDEST_FIRST if verdict in found), Verdict.NO_DATA)


def severity_of(ratio: float) -> Severity:
    """Severity of a drift from its effect size over the method's scale: 1.5 is a warning, 2.5 critical.

    A normal feature that moves by δ standard deviations reaches 1.5 near δ = 0.4 and 2.5 near δ = 0.65 by KS
    (scale 0.1), and near 0.6 and 0.75 by PSI (threshold 0.2).
    """
    return next(
        (severity for limit, severity in SEVERITY_FROM_RATIO if ratio >= limit), Severity.INFO
    )


def rank(severity: str) -> int:
    """The place of a severity: 0 for an empty one, and from 1 on for the others, the lowest first."""
    return list(Severity).index(Severity(severity)) + 1 if severity else 0


def worst_severity(severities: Iterable[Severity | None]) -> Severity | None:
    """The highest of the severities; None when there is none."""
    found = [severity for severity in severities if severity is not None]
    return max(found, key=rank, default=None)
