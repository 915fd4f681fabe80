"""What a run says about the episode of its monitor."""

from dataclasses import replace
from datetime import UTC, datetime

from alerts.episodes.run_answers import Kind, MethodAnswer, observe
from algorithms.faults.fault import Fault, FaultKind
from algorithms.method_results import FeatureDetail
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
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
