"""Counts the reasons that people gave for alerts: of a monitor, and of each feature. All of it is pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

TRUE, FALSE, APART = ("real", "data_bug"), ("noise",), ("expected",)
"""The reasons of alerts that were right, that were wrong, and that say neither."""

type Place = tuple[str, str]
"""A method and a feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAlert:
    """An alert with the reason that a person gave for it.

    Attributes:
        alert_id: The alert.
        reason: The reason.
        features: The features that drifted in it.
        effects: The effect sizes of each method and feature, one for each drifted window.
    """

    alert_id: UUID
    reason: str
    features: frozenset[str]
    effects: Mapping[Place, Sequence[float]]

    @property
    def is_true(self) -> bool:
        """True if the alert was right."""
        return self.reason in TRUE

    @property
    def is_noise(self) -> bool:
        """True if the alert was wrong."""
        return self.reason in FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """The alerts by reason.

    Attributes:
        counts: Alerts by reason.
        precision: True alerts over true and false ones; None without either.
    """

    counts: Mapping[str, int]
    precision: float | None


def precision_of(alerts: Iterable[JudgedAlert]) -> Precision:
    """The precision of some alerts. Expected changes count for neither side."""
    reasons = Counter(alert.reason for alert in alerts)
    right = sum(reasons[reason] for reason in TRUE)
    judged = right + sum(reasons[reason] for reason in FALSE)
    counts = {reason: reasons[reason] for reason in (*TRUE, *FALSE, *APART)}
    return Precision(counts=counts, precision=right / judged if judged else None)


def precision_by_feature(alerts: Sequence[JudgedAlert]) -> dict[str, Precision]:
    """The precision of the alerts that each feature drifted in, the worst first."""
    names = {name for alert in alerts for name in alert.features}
    found = {name: _precision_in(name, alerts) for name in names}
    return dict(sorted(found.items(), key=_worst_first))


def _precision_in(name: str, alerts: Sequence[JudgedAlert]) -> Precision:
    return precision_of(alert for alert in alerts if name in alert.features)


def _worst_first(item: tuple[str, Precision]) -> tuple[float, str]:
    name, precision = item
    return (2.0 if precision.precision is None else precision.precision), name
