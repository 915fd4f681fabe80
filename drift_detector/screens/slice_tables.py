"""Builds the table of a run's slices from its detections."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.verdicts import Verdict, combine_verdicts
from detections.models import Detection
from detections.runs.details import hide_values
from drift_detector.formats import stored_number
from monitors.models import Monitor

type Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """A feature of a slice: one that drifted, or the one that comes nearest to it."""

    feature: str
    method: str
    effect: float | None
    tolerance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """A slice of a run's window.

    Attributes:
        name: Of the slice.
        where: Its condition, if the monitor still has it.
        verdict: Over all methods.
        rows: The most rows that a feature had in the window; `reference_rows` likewise in the reference.
        findings: What drifted, the largest effect first; else the feature that comes nearest to drift.
        reason: Why it was not judged; empty if it was.
    """

    name: str
    where: str
    verdict: str
    rows: int
    reference_rows: int
    findings: Sequence[SliceFinding]
    reason: str


def slice_rows(detections: Iterable[Detection], monitor: Monitor) -> list[SliceRow]:
    """The slices of a run's detections that count, those that drifted first; without values of sensitive features."""
    found: dict[str, list[tuple[str, Record]]] = {}
    for detection in (each for each in detections if each.counts):
        for record in hide_values(detection.slices, monitor.sensitive_features):
            found.setdefault(str(record["slice"]), []).append((detection.method, record))
    wheres = {each["name"]: each["where"] for each in monitor.slices}
    rows = [_row(name, wheres.get(name, ""), records) for name, records in found.items()]
    return sorted(rows, key=lambda row: row.verdict != Verdict.DRIFT)


def _row(name: str, where: str, records: Sequence[tuple[str, Record]]) -> SliceRow:
    judged = [each for _, each in records if each.get("is_judgeable", True)]
    verdict = combine_verdicts(Verdict(each["verdict"]) for each in judged)
    return SliceRow(
        name=name,
        where=where,
        verdict=(verdict if judged else Verdict.INSUFFICIENT_DATA).value,
        rows=max(int(each.get("n_current") or 0) for _, each in records),
        reference_rows=max(int(each.get("n_reference") or 0) for _, each in records),
        findings=_findings(records),
        reason="" if judged else str(records[0][1].get("reason", "")),
    )


def _findings(records: Sequence[tuple[str, Record]]) -> list[SliceFinding]:
    drifted = [each for each in records if each[1]["verdict"] == Verdict.DRIFT]
    ordered = sorted(drifted or records, key=lambda each: -_nearness(each[1]))
    return [_finding(*each) for each in (ordered if drifted else ordered[:1])]


def _nearness(record: Record) -> float:
    """The effect as a multiple of its tolerance; −1 if none is known."""
    effect = stored_number(record.get("effect_size"))
    tolerance = stored_number(record.get("tolerance"))
    return effect / tolerance if effect is not None and tolerance else -1.0


def _finding(method: str, record: Record) -> SliceFinding:
    return SliceFinding(
        feature=str(record["feature"]),
        method=method,
        effect=stored_number(record.get("effect_size")),
        tolerance=stored_number(record.get("tolerance")),
    )
