"""Finds drifted features whose window holds the very values of the window before."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from algorithms.faults.stale_fault import is_stale, stale_fault
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.picture_format import unpack
from algorithms.pictures import Drawing, NumericFrame
from algorithms.verdicts import Verdict
from detections.evaluation.context import RunContext
from detections.models import RunProfile
from detections.results import RunResult
from drift_detector.tenancy.scope import tenant_scope

type Pictures = Mapping[str, list[Any]]


def with_stale_copies(result: RunResult, context: RunContext) -> RunResult:
    """The result, with the fault of drifted features that are stale copies and have no other.

    The picture of the window before is read from the database, and only if something drifted. Windows of data without
    a time are all of the data; these may well be the same twice.
    """
    drawing = result.drawing
    if result.verdict is not Verdict.DRIFT or drawing is None:
        return result
    if not context.monitor.timestamp_column:
        return result
    stale = _stale_features(drawing, _pictures_before(context, drawing))
    if not stale:
        return result
    return replace(result, methods=tuple(_with_fault(method, stale) for method in result.methods))


def _pictures_before(context: RunContext, drawing: Drawing) -> Pictures:
    """The pictures of the window before, on the same cells; none if it ended more than a window's length ago."""
    start, end = context.run.window_start, context.run.window_end
    with tenant_scope(context.run.tenant_id):
        profiles = RunProfile.objects.filter(
            monitor_id=context.monitor.id,
            window_end__lte=start,
            window_end__gte=start - (end - start),
            run__baseline_id=context.baseline.id,
        )
        newest = profiles.order_by("-window_start", "-created_at").values_list("drawn", flat=True)
        drawn = newest.first()
    return dict(zip(drawing.frames, unpack(bytes(drawn)), strict=False)) if drawn else {}


def _stale_features(drawing: Drawing, before: Pictures) -> frozenset[str]:
    """The numeric features, none of them sensitive, whose pictures are the same."""
    names = (name for name in drawing.drawn if name in before and name not in drawing.sensitive)
    return frozenset(
        name
        for name in names
        if isinstance(drawing.frames[name], NumericFrame)
        and is_stale(json.loads(drawing.drawn[name]), before[name])
    )


def _with_fault(method: MethodResult, stale: frozenset[str]) -> MethodResult:
    details = tuple(_detail_with_fault(detail, stale) for detail in method.details)
    return replace(method, details=details)


def _detail_with_fault(detail: FeatureDetail, stale: frozenset[str]) -> FeatureDetail:
    is_named = detail.fault is not None or detail.verdict is not Verdict.DRIFT
    if is_named or detail.feature not in stale:
        return detail
    return replace(detail, fault=stale_fault())
