"""Builds the tables of a run's page from its detections: features by methods, and what else was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from algorithms.method_results import Reference
from algorithms.verdicts import Severity, Verdict, combine_verdicts, rank
from detections.models import Detection
from detections.runs.details import hide_values
from drift_detector.formats import stored_number
from drift_detector.screens.fault_words import fault_in_words
from drift_detector.screens.monitor_words import metric_in_words

STATISTICAL = (Detection.Type.STATISTICAL, Detection.Type.SCHEMA)
UNJUDGED = (Verdict.ERROR, Verdict.INSUFFICIENT_DATA, Verdict.UNSUPPORTED)
COMPARED_WITH: Mapping[str, str] = {
    Reference.BASELINE: "",
    Reference.SEASONAL: "weeks before",
    Reference.TRAILING: "the time before",
    Reference.PREVIOUS: "the window before",
    Reference.DAY_OF_MONTH: "the day of earlier months",
    Reference.MONTH_OF_YEAR: "the month of earlier years",
    Reference.HOLIDAY: "earlier holidays",
}
"""The words for a reference; none for the baseline."""

type Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MethodColumn:
    """A column of the table: a method, what it compared with, and whether that counts."""

    method: str
    compared_with: str
    counts: bool
    verdict: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The answer of one method about one feature."""

    verdict: str
    effect: float | None
    tolerance: float | None
    p_value: float | None
    reason: str
    counts: bool

    @property
    def words(self) -> str:
        """The verdict for people."""
        return self.verdict.replace("_", " ")

    @property
    def is_unjudged(self) -> bool:
        """True if the method could not judge the feature."""
        return self.verdict in UNJUDGED


@dataclass(slots=True)
class FeatureRow:
    """A feature with its cells, one for each column, None where a method says nothing of it; and its fault."""

    name: str
    cells: list[Cell | None]
    severities: list[Severity] = field(default_factory=list)
    fault: str = ""

    @property
    def verdict(self) -> str:
        """The verdict of all methods that count."""
        found = [Verdict(cell.verdict) for cell in self.cells if cell is not None and cell.counts]
        return combine_verdicts(found).value

    @property
    def severity(self) -> str:
        """The highest severity of its drift; empty without any."""
        return max(self.severities, key=rank).value if self.severities else ""

    @property
    def ratio(self) -> float:
        """The largest effect as a multiple of its tolerance; −1 if none is known."""
        counting = [cell for cell in self.cells if cell is not None and cell.counts]
        return max(map(_ratio, counting), default=-1.0)


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features by methods, the most drifted first."""

    columns: Sequence[MethodColumn]
    rows: Sequence[FeatureRow]

    @property
    def drifted(self) -> list[FeatureRow]:
        """The rows that drifted."""
        return [row for row in self.rows if row.verdict == Verdict.DRIFT]

    def evidence(self, row: FeatureRow) -> list[tuple[str, str]]:
        """The methods that found drift in a row, each with its sentence."""
        pairs = zip(self.columns, row.cells, strict=True)
        return [
            (column.method, cell.reason)
            for column, cell in pairs
            if cell is not None and cell.counts and cell.verdict == Verdict.DRIFT
        ]


def feature_table(detections: Iterable[Detection], sensitive: Sequence[str]) -> FeatureTable:
    """The table of what methods found on features, without the values of sensitive ones.

    Args:
        detections: Of one run.
        sensitive: The features of which no value is shown.
    """
    found = [each for each in detections if each.detection_type in STATISTICAL]
    chosen = sorted(found, key=_column_place)
    rows: dict[str, FeatureRow] = {}
    for place, detection in enumerate(chosen):
        for detail in hide_values(detection.details, sensitive):
            name = str(detail["feature"])
            row = rows.setdefault(name, FeatureRow(name, [None] * len(chosen)))
            row.cells[place] = _cell(detail, counts=detection.counts)
            row.severities += _severity(detail) if detection.counts else []
            row.fault = row.fault or fault_in_words(detail)
    return FeatureTable(
        columns=[_column(each) for each in chosen], rows=sorted(rows.values(), key=_place)
    )


def _column(detection: Detection) -> MethodColumn:
    return MethodColumn(
        method=detection.method,
        compared_with=COMPARED_WITH[detection.reference],
        counts=detection.counts,
        verdict=detection.verdict,
        anchor=detection.anchor,
    )


def _column_place(detection: Detection) -> tuple[bool, int, int, str]:
    """The order of columns: those that count, the baseline, drift first, and unjudged ones last."""
    is_unjudged = detection.verdict in (*UNJUDGED, Verdict.NO_DATA)
    rank_of_verdict = 0 if detection.verdict == Verdict.DRIFT else 1 + is_unjudged
    place = list(COMPARED_WITH).index(Reference(detection.reference))
    return not detection.counts, place, rank_of_verdict, detection.method


def _cell(detail: Detail, *, counts: bool) -> Cell:
    return Cell(
        verdict=detail.get("verdict") or Verdict.NO_DATA.value,
        effect=stored_number(detail.get("effect_size")),
        tolerance=stored_number(detail.get("tolerance")),
        p_value=stored_number(detail.get("p_adjusted")),
        reason=detail.get("reason") or "",
        counts=counts,
    )


def _severity(detail: Detail) -> list[Severity]:
    severity = detail.get("severity")
    return [Severity(severity)] if severity else []


def _ratio(cell: Cell) -> float:
    if cell.effect is None or not cell.tolerance:
        return -1.0
    return cell.effect / cell.tolerance


def _place(row: FeatureRow) -> tuple[bool, float, str]:
    return row.verdict != Verdict.DRIFT, -row.ratio, row.name


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric, or a change of an error rate, that a run has measured; the first of a method has its anchor."""

    anchor: str
    name: str
    method: str
    detection_type: str
    verdict: str
    value: float | None
    lower: float | None
    upper: float | None
    limit: float | None
    reason: str


def list_measured(detections: Iterable[Detection]) -> list[Measured]:
    """The measures of a run beside its features: the performance, and what detectors saw; worst first."""
    chosen = [each for each in detections if each.detection_type not in STATISTICAL]
    found = [_measured(each, detail) for each in chosen for detail in each.details or [{}]]
    ranked = sorted(found, key=_measured_place)
    first = {each.anchor: place for place, each in reversed(list(enumerate(ranked)))}
    return [
        each if first[each.anchor] == place else replace(each, anchor="")
        for place, each in enumerate(ranked)
    ]


def _measured_place(measured: Measured) -> tuple[bool, str, str]:
    return measured.verdict != Verdict.DRIFT, measured.name.casefold(), measured.method


def _measured(detection: Detection, detail: Detail) -> Measured:
    explained: Detail = detail.get("explanation") or {}
    return Measured(
        anchor=detection.anchor,
        name=metric_in_words(str(detail.get("feature") or detection.worst_feature)),
        method=detection.method.replace("_", " "),
        detection_type=detection.detection_type,
        verdict=detail.get("verdict") or detection.verdict,
        value=stored_number(detail.get("statistic")),
        lower=stored_number(explained.get("lower")),
        upper=stored_number(explained.get("upper")),
        limit=stored_number(detail.get("threshold")),
        reason=detail.get("reason") or "",
    )
