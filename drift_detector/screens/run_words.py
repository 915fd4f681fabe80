"""Says in a sentence how a run ended, or what it waits for."""

from collections.abc import Sequence

from algorithms.charts.number_words import number
from algorithms.verdicts import Verdict
from detections.models import Detection, DetectionRun
from drift_detector.formats import instant
from drift_detector.screens.run_tables import FeatureTable, Measured
from drift_detector.screens.screen import zone_of
from drift_detector.screens.slice_tables import SliceRow

ROWS = "(rows)"
"""Stands for the window as a whole among the features of a method."""
UNFINISHED = {
    DetectionRun.Status.QUEUED: "The run waits for a worker.",
    DetectionRun.Status.RUNNING: "The run is at work.",
    DetectionRun.Status.SKIPPED: "The run was skipped.",
    DetectionRun.Status.FAILED: "The run failed.",
}
ENDED = {
    Verdict.OK: "No drift was found.",
    Verdict.NO_DATA: "The window held no data.",
    Verdict.INSUFFICIENT_DATA: "There was too little data to judge.",
    Verdict.UNSUPPORTED: "No drift was found, but an estimate of the performance is unsupported.",
    Verdict.ERROR: "A part of the window could not be judged.",
}


def headline_of(
    run: DetectionRun,
    table: FeatureTable,
    measured: Sequence[Measured],
    slices: Sequence[SliceRow] = (),
) -> str:
    """The end of a run in a sentence; what it waits for, if it has not ended.

    Args:
        run: With its monitor.
        table: Its features by methods.
        measured: What it measured beside them.
        slices: Its slices.
    """
    if run.status == DetectionRun.Status.WAITING:
        due = instant(run.scheduled_for.astimezone(zone_of(run.monitor)))
        return f"The run waits for the labels of its window, which are due {due}."
    if run.status in UNFINISHED:
        return UNFINISHED[DetectionRun.Status(run.status)]
    verdict = Verdict(run.verdict)
    if verdict is not Verdict.DRIFT:
        return ENDED[verdict]
    return f"{_drift_in_words(table, measured, slices)}{level_in_words(run)}"


def level_in_words(run: DetectionRun) -> str:
    """The run's p-value beside the level of the budget, if that holds its drift back; empty otherwise."""
    if run.is_beyond_level:
        return ""
    p_value, level = number(run.p_value), number(run.opening_level)
    return f" Alone it opens no alert: twice its p-value {p_value} is above the false-alarm budget's level {level}."


def _drift_in_words(
    table: FeatureTable, measured: Sequence[Measured], slices: Sequence[SliceRow]
) -> str:
    features = [row for row in table.rows if row.name != ROWS]
    drifted = [row for row in table.drifted if row.name != ROWS]
    clauses = [f"{len(drifted)} of {len(features)} features drifted"] if drifted else []
    if len(table.drifted) > len(drifted):
        clauses.append("the number of rows is unusual")
    if sliced := [each for each in slices if each.verdict == Verdict.DRIFT]:
        clauses.append(f"{len(sliced)} of {len(slices)} slices drifted")
    clauses += [_measured_in_words(each) for each in measured if each.verdict == Verdict.DRIFT]
    text = "; ".join(clauses) or "there is drift"
    return f"{text[:1].upper()}{text[1:]}."


def _measured_in_words(measured: Measured) -> str:
    if measured.detection_type == Detection.Type.CONCEPT:
        return f"the error rate changed ({measured.method})"
    estimated = "the estimated " if measured.method.startswith("estimated") else ""
    return f"{estimated}{measured.name} is beyond its limit"
