"""What a run says about the episode of its monitor."""

from dataclasses import replace
from datetime import UTC, datetime

from alerts.episodes.run_answers import Kind, MethodAnswer, observe
from algorithms.faults.fault import Fault, FaultKind
from algorithms.method_results import AnyMethod, FeatureDetail, PerformanceMethod
from algorithms.methods import Method
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from detections.results import NOTHING_MEASURED
from monitors.models import Monitor
from tests.factories import drift_result


def test_observe__fault_of_the_whole__its_slice_has_none() -> None:
    end = datetime(2026, 1, 2, tzinfo=UTC)
    run = DetectionRun(verdict="drift", window_start=end, window_end=end)
    fault = Fault.likely(FaultKind.SCALE, "× 100 (percent)")
    whole = FeatureDetail(feature="x", kind=None, verdict=Verdict.DRIFT, fault=fault)
    (result,) = drift_result(Severity.WARNING).methods
    result = replace(result, details=(whole,), slices=(replace(whole, slice="s", fault=None),))
    found = observe(run, Kind.STATISTICAL, [MethodAnswer.of_result(result)])
    assert found is not None
    faults = {each.record.get("slice", ""): "fault" in each.record for each in found.entries}
    assert faults == {"": True, "s": False}


def answer(method: AnyMethod, verdict: Verdict, *, is_judgeable: bool = True) -> MethodAnswer:
    detail = FeatureDetail(feature="x", kind=None, verdict=verdict, is_judgeable=is_judgeable)
    result = replace(NOTHING_MEASURED, method=method, verdict=verdict, details=(detail,))
    return MethodAnswer.of_result(result)


def run_of(verdict: Verdict) -> DetectionRun:
    end = datetime(2026, 1, 2, tzinfo=UTC)
    return DetectionRun(
        verdict=verdict, window_start=end, window_end=end, monitor=Monitor(performance_limits={})
    )


def test_observe__unsupported_estimate__the_data_are_ok_and_performance_is_open() -> None:
    answers = [
        answer(Method.KS, Verdict.OK),
        answer(PerformanceMethod.ESTIMATED, Verdict.UNSUPPORTED),
    ]
    run = run_of(Verdict.UNSUPPORTED)
    of_data = observe(run, Kind.STATISTICAL, answers)
    assert of_data is not None
    assert of_data.verdict == "ok"
    assert observe(run, Kind.PERFORMANCE, answers) is None


def test_observe__unsupported_estimate_beside_labels__labels_alone_count() -> None:
    answers = [
        answer(Method.KS, Verdict.DRIFT),
        answer(PerformanceMethod.PERFORMANCE, Verdict.OK),
        answer(PerformanceMethod.ESTIMATED, Verdict.UNSUPPORTED, is_judgeable=False),
    ]
    found = observe(run_of(Verdict.DRIFT), Kind.PERFORMANCE, answers)
    assert found is not None
    assert (found.verdict, found.not_ok) == ("ok", frozenset())
