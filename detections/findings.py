"""Builds the finding of a run once, for the event, the alert and the retraining request."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.method_results import FeatureDetail, MethodResult, counting, json_safe
from algorithms.methods import Method
from algorithms.verdicts import Severity, Verdict, worst_severity
from detections.models import DetectionRun
from detections.results import RunResult

# An event names the features with the largest effects; the detections hold all of them.
MOST_FEATURES = 20
ENTRY_FIELDS = ("feature", "statistic", "p_value", "effect_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateChange:
    """A change of a stream's error rate that a detector saw.

    Attributes:
        stream: The name of the stream.
        reference: The error rate until the change.
        current: The error rate since the change.
    """

    stream: str
    reference: float
    current: float

    @property
    def is_rise(self) -> bool:
        """True if the model became worse."""
        return self.current > self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinding:
    """The result of a recorded run, as listeners read it.

    Attributes:
        verdict: The verdict of the run.
        methods: The method results of the comparisons that count.
        severity: The highest severity of the methods.
        drifted_features: One record per drifted feature, the largest effect for its tolerance first.
        summary: The fields that every event about a drifted run shares.
        change: The change that a detector saw; None for a run that judged a window.
        p_value: Of the run as a whole, see `run_p_value`; None if it has none.
    """

    verdict: Verdict
    methods: tuple[MethodResult, ...]
    severity: Severity
    drifted_features: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    change: ErrorRateChange | None = None
    p_value: float | None = None

    @property
    def calls_for_retraining(self) -> bool:
        """True if a model could learn from the drift; a lost or retyped column must be mended first."""
        drifted = (each.method for each in self.methods if each.is_drifted)
        return any(method != Method.SCHEMA for method in drifted)


def build_finding(
    run: DetectionRun, result: RunResult, change: ErrorRateChange | None = None
) -> RunFinding:
    """The finding of a run that has just been recorded."""
    methods = counting(result.methods)
    severity, features = severity_of_run(methods), drifted_features(methods)
    return RunFinding(
        verdict=result.verdict,
        methods=tuple(methods),
        severity=severity,
        drifted_features=tuple(features),
        summary=_summary(run, severity, features),
        change=change,
        p_value=result.p_value,
    )


def severity_of_run(methods: Sequence[MethodResult]) -> Severity:
    """The highest severity of the methods that count."""
    return worst_severity(method.severity for method in counting(methods)) or Severity.INFO


def drifted_features(methods: Sequence[MethodResult]) -> list[dict[str, Any]]:
    """The drifted features of the whole and of slices, each with the method that counts and sees it most clearly.

    Returns:
        At most `MOST_FEATURES` records of the whole and then as many of slices, each with the largest effect for its
        tolerance first.
    """
    drifted = [pair for method in counting(methods) for pair in _drifted(method)]
    faults = {detail.feature: detail.fault for _, detail in drifted if detail.fault is not None}
    clearest: dict[tuple[str, str], dict[str, Any]] = {}
    for method, detail in sorted(drifted, key=lambda each: -each[1].ratio):
        fault = None if detail.slice else json_safe(faults.get(detail.feature))
        record = with_fault(_record(method, detail), fault)
        clearest.setdefault((detail.feature, detail.slice), record)
    return first_of_each(clearest.values(), lambda record: bool(record.get("slice")))


def first_of_each[Each](found: Iterable[Each], is_of_slice: Callable[[Each], bool]) -> list[Each]:
    """At most `MOST_FEATURES` of the whole window, and then as many of slices, in their order."""
    kept = list(found)
    whole = [each for each in kept if not is_of_slice(each)]
    of_slices = [each for each in kept if is_of_slice(each)]
    return [*whole[:MOST_FEATURES], *of_slices[:MOST_FEATURES]]


def with_fault(record: dict[str, Any], fault: dict[str, Any] | None) -> dict[str, Any]:
    """The record of a drifted feature with its fault, if it has one."""
    return record if fault is None else {**record, "fault": fault}


def _drifted(method: MethodResult) -> list[tuple[MethodResult, FeatureDetail]]:
    both = (*method.details, *method.slices)
    return [(method, each) for each in both if each.verdict is Verdict.DRIFT]


def _record(method: MethodResult, detail: FeatureDetail) -> dict[str, Any]:
    values = detail.as_json()
    record: dict[str, Any] = {"method": method.method.value, "reference": method.reference.value}
    record |= {name: values[name] for name in ENTRY_FIELDS}
    return record | ({"slice": detail.slice} if detail.slice else {})


def _summary(
    run: DetectionRun, severity: Severity, features: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "monitor_id": str(run.monitor_id),
        "monitor_name": run.monitor.name,
        "model_id": str(run.monitor.model_id),
        "run_id": str(run.id),
        "window_start": run.window_start.isoformat(),
        "window_end": run.window_end.isoformat(),
        "severity": severity.value,
        "drifted_features": features,
    }
