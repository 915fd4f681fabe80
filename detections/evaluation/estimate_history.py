"""Compares the monitor's earlier estimates with what labels showed later."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.method_results import PerformanceMethod
from algorithms.performance import LOSSES, Metric
from algorithms.verdicts import Verdict
from detections.evaluation.context import RunContext
from detections.models import Detection
from drift_detector.tenancy.scope import tenant_scope

NEWEST = 10
"""Windows whose estimates are looked back at."""
FEWEST = 3
TOLERANCE = 0.05
"""A larger error is wrong; of losses it is a share of the realised loss."""


@dataclass(frozen=True, slots=True)
class PastEstimate:
    """An estimate of an earlier window, beside the metric that labels showed.

    Attributes:
        estimated: The estimate.
        realised: The metric by labels.
        estimated_between: The ends of the estimate's interval.
        realised_between: The same of the metric by labels, which can be few.
    """

    estimated: float
    realised: float
    estimated_between: tuple[float, float]
    realised_between: tuple[float, float]

    def is_wrong(self, metric: Metric) -> bool:
        """True if the error is beyond the tolerance and beyond chance: the two intervals share nothing."""
        unit = abs(self.realised) if metric in LOSSES else 1.0
        is_far = abs(self.realised - self.estimated) > TOLERANCE * unit
        (low, high), (least, most) = self.estimated_between, self.realised_between
        return is_far and (most < low or high < least)


def wrong_before(context: RunContext, metrics: Iterable[Metric]) -> dict[Metric, str]:
    """The metrics whose estimates by this baseline have been wrong in half of the newest windows, with a sentence."""
    with tenant_scope(context.run.tenant_id):
        past = _past_estimates(context)
    found = {metric: sentence_of(metric, past[metric]) for metric in metrics}
    return {metric: sentence for metric, sentence in found.items() if sentence}


def sentence_of(metric: Metric, past: Sequence[PastEstimate]) -> str:
    """The evidence of the past against the next estimate; empty if there is none."""
    wrong = sum(each.is_wrong(metric) for each in past)
    if len(past) < FEWEST or 2 * wrong < len(past):
        return ""
    return (
        f"Of the last {len(past)} windows whose labels have come, the estimate was wrong by more than "
        f"{TOLERANCE:g}{' of the loss' if metric in LOSSES else ''} in {wrong}."
    )


def _past_estimates(context: RunContext) -> Mapping[Metric, list[PastEstimate]]:
    """The estimates of windows that ended before the run's, the newest first, at most ten of each metric."""
    run = context.run
    measured = Detection.objects.filter(
        monitor_id=run.monitor_id,
        detection_type=Detection.Type.PERFORMANCE,
        method=PerformanceMethod.PERFORMANCE,
        window_start__lt=run.window_start,
        run__baseline_id=context.baseline.id,
    )
    newest = measured.order_by("-window_start", "-created_at").distinct("window_start")
    past: dict[Metric, list[PastEstimate]] = defaultdict(list)
    for details in newest.values_list("details", flat=True)[:NEWEST]:
        for detail in details:
            past[Metric(detail["feature"])] += _past_estimate(detail)
    return past


def _past_estimate(detail: Mapping[str, Any]) -> list[PastEstimate]:
    realised, explained = detail["statistic"], detail.get("explanation") or {}
    estimated = explained.get("estimated")
    if not estimated or detail["verdict"] not in (Verdict.OK, Verdict.DRIFT):
        return []
    between, labelled = (_ends(each) for each in (estimated, explained))
    numbers = (estimated["value"], realised, *between, *labelled)
    if not all(isinstance(each, float) for each in numbers):
        return []
    return [PastEstimate(estimated["value"], realised, between, labelled)]


def _ends(interval: Mapping[str, Any]) -> tuple[Any, Any]:
    return interval.get("lower"), interval.get("upper")
