"""Reads the figures of a stored report: each column's test, and the verdict about all of them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COLUMN, COUNT = "ValueDrift", "DriftedColumnsCount"
P_VALUE = "p_value"
"""In the names of tests that find drift below their threshold; all others find it from there on."""
USUAL_SHARE = 0.5
"""Evidently's default of `drift_share`."""


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """Evidently's test of one column.

    Attributes:
        feature: The column.
        test: The name of the test.
        score: A p-value or a distance; None if it is no number.
        threshold: The limit of the score.
        is_drifted: Evidently's verdict.
    """

    feature: str
    test: str
    score: float | None
    threshold: float | None
    is_drifted: bool


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """Evidently's figures.

    Attributes:
        columns: In the order of the report.
        limit: The share of drifted columns from which Evidently says that the data drifted.
    """

    columns: tuple[ColumnFigures, ...]
    limit: float

    @property
    def drifted(self) -> int:
        """The number of drifted columns."""
        return sum(each.is_drifted for each in self.columns)

    @property
    def share(self) -> float:
        """The share of drifted columns."""
        return self.drifted / len(self.columns) if self.columns else 0.0

    @property
    def is_drifted(self) -> bool:
        """Evidently's verdict about the data."""
        return bool(self.columns) and self.share >= self.limit


def read_figures(summary: Mapping[str, Any]) -> ReportFigures:
    """The figures of the summary that a report keeps."""
    metrics = [each for each in summary.get("metrics", []) if each.get("config")]
    limits = [each["config"].get("drift_share") for each in metrics if _is(each, COUNT)]
    limit = next((each for each in limits if each is not None), USUAL_SHARE)
    return ReportFigures(tuple(_columns(metrics)), limit)


def _is(metric: Mapping[str, Any], kind: str) -> bool:
    return str(metric["config"].get("type", "")).endswith(f":{kind}")


def _columns(metrics: list[Mapping[str, Any]]) -> Iterator[ColumnFigures]:
    for metric in metrics:
        if _is(metric, COLUMN):
            yield _column(metric)


def _column(metric: Mapping[str, Any]) -> ColumnFigures:
    config = metric["config"]
    test, score = str(config.get("method") or ""), _number(metric.get("value"))
    threshold = _number(config.get("threshold"))
    is_drifted = _is_beyond(test, score, threshold)
    return ColumnFigures(str(config.get("column", "")), test, score, threshold, is_drifted)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _is_beyond(test: str, score: float | None, threshold: float | None) -> bool:
    if score is None or threshold is None:
        return False
    return score < threshold if P_VALUE in test else score >= threshold
