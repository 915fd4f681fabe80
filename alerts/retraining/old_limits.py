"""Keeps the limits of performance as they were before a new model came, and compares windows with them."""

from collections.abc import Mapping
from typing import Any

from algorithms.performance import MetricEstimate
from monitors.baselines.reference_performance import limits_of
from monitors.models import Monitor
from monitors.selectors import get_current_baseline

type Limits = dict[str, dict[str, Any]]


def old_limits_of(monitor: Monitor) -> Limits:
    """The limit of each metric as a number, by the baseline that is current now.

    A relative limit whose baseline says nothing about the metric is left out.
    """
    baseline = get_current_baseline(monitor.id)
    stored: Mapping[str, Any] = (baseline.performance or {}) if baseline else {}
    known = {name: MetricEstimate(**fields) for name, fields in stored.get("metrics", {}).items()}
    version = baseline.version if baseline else 0
    limits: Limits = {}
    for metric, limit in limits_of(monitor).items():
        reference = known.get(metric.value)
        if limit.relative is not None and reference is None:
            continue
        bound = limit.bound(metric, reference)
        if bound is not None:
            floor = limit.is_floor(metric)
            limits[metric.value] = _as_json(bound.value, reference, is_floor=floor, version=version)
    return limits


def _as_json(
    value: float, reference: MetricEstimate | None, *, is_floor: bool, version: int
) -> dict[str, Any]:
    return {
        "limit": value,
        "is_floor": is_floor,
        "baseline": reference.value if reference else None,
        "baseline_version": version,
    }


def keeps_to(value: float, limit: Mapping[str, Any]) -> bool:
    """True if a value is on the right side of an old limit."""
    bound: float = limit["limit"]
    return value >= bound if limit["is_floor"] else value <= bound
