"""What an alert tells of, and which runs can say that it is over.

Two sorts of runs judge a monitor's windows: its checks, as a whole and at once, and its follow-ups, long after and the
model's performance alone. So what an alert tells of is kept with the window that it was seen in, and each of it is over
when a run that judges it was ok over that window or a newer one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.models import Alert
from algorithms.method_results import MethodResult, PerformanceMethod
from algorithms.verdicts import Verdict
from detections.models import Detection, DetectionRun
from detections.runs.completion import drifted_features

type Told = dict[str, Any]

MEASURED = PerformanceMethod.PERFORMANCE.value
Trigger = DetectionRun.Trigger


@dataclass(frozen=True)
class Answers:
    """What a run answered: each method on each feature."""

    run: DetectionRun
    verdicts: Sequence[tuple[str, str, str]]

    @classmethod
    def of(cls, run: DetectionRun, methods: Sequence[MethodResult]) -> "Answers":
        details = [(method.method.value, detail) for method in methods for detail in method.details]
        return cls(
            run, [(method, detail.feature, detail.verdict.value) for method, detail in details]
        )

    @classmethod
    def stored(cls, run: DetectionRun) -> "Answers":
        rows = Detection.objects.filter(run_id=run.id).values_list("method", "details")
        return cls(
            run,
            [
                (method, each["feature"], each["verdict"])
                for method, details in rows
                for each in details
            ],
        )

    def include(self, told: Told) -> bool:
        """Whether they have what is told, or its measure where an estimate is told."""
        methods = {told["method"], MEASURED} if is_metric(told) else {told["method"]}
        return any(
            method in methods and feature == told["feature"] for method, feature, _ in self.verdicts
        )

    def end(self, told: Told, alert: Alert) -> bool:
        """Whether they say, of a run that is ok, that what is told is over."""
        if self.run.window_end < told_until(told, alert):
            return False
        if any(
            feature == told["feature"] and verdict != Verdict.OK
            for _, feature, verdict in self.verdicts
        ):
            return False
        has_limit = is_metric(told) and told["feature"] in self.run.monitor.performance_limits
        return self.include(told) or not (has_limit or is_follow_up(self.run))


def tell(run: DetectionRun, methods: Sequence[MethodResult]) -> list[Told]:
    """The drifted features of a run, with the end of its window."""
    return [each | {"window_end": run.window_end.isoformat()} for each in drifted_features(methods)]


def tell_together(alert: Alert, run: DetectionRun, methods: Sequence[MethodResult]) -> list[Told]:
    """What an alert tells of when a drifted run joins it.

    A newer check replaces what was told, but for metrics that it could not measure; a follow-up replaces its metrics.
    """
    answers, old, new = Answers.of(run, methods), list(alert.drifted_features), tell(run, methods)
    if is_follow_up(run):
        kept = [
            each
            for each in old
            if told_until(each, alert) > run.window_end or not answers.include(each)
        ]
        names = {(each["method"], each["feature"]) for each in kept}
        return [each for each in new if (each["method"], each["feature"]) not in names] + kept
    if run.window_end <= alert.window_end:
        return old
    limits = run.monitor.performance_limits
    unmeasured = [each for each in old if each["method"] == MEASURED and not answers.include(each)]
    return new + [each for each in unmeasured if each["feature"] in limits]


def is_all_over(alert: Alert, run: DetectionRun, methods: Sequence[MethodResult]) -> bool:
    """Whether a run that is ok, or the newest of the other sort that was, ends each thing that the alert tells of."""
    answers = Answers.of(run, methods)
    left = [each for each in alert.drifted_features if not answers.end(each, alert)]
    if not left or len(left) == len(alert.drifted_features) or (other := _newest_ok(run)) is None:
        return not left
    others = Answers.stored(other)
    return all(others.end(each, alert) for each in left)


def has_been_over(run: DetectionRun, methods: Sequence[MethodResult]) -> bool:
    """Whether newer runs have found already that what drifted in a run is ok again."""
    newer = DetectionRun.objects.filter(
        monitor_id=run.monitor_id, window_end__gt=run.window_end, verdict=Verdict.OK
    )
    newer = newer.exclude(trigger=Trigger.OUTCOMES)
    told = {each["method"] for each in drifted_features(methods)}
    if MEASURED in told:
        newer = newer.filter(detections__method=MEASURED, detections__verdict=Verdict.OK)
    if told - {MEASURED}:
        newer = newer.exclude(trigger=Trigger.LABELS)
    return newer.exists()


def is_metric(told: Told) -> bool:
    return told["method"] in set(PerformanceMethod)


def is_follow_up(run: DetectionRun) -> bool:
    return run.trigger == Trigger.LABELS


def told_until(told: Told, alert: Alert) -> datetime:
    """The end of the window that something told was seen in."""
    return datetime.fromisoformat(told["window_end"]) if "window_end" in told else alert.window_end


def _newest_ok(run: DetectionRun) -> DetectionRun | None:
    """The newest run that was ok of the other sort: of a follow-up's, the checks; of a check's, the follow-ups."""
    others = DetectionRun.objects.filter(
        monitor_id=run.monitor_id, verdict=Verdict.OK, inline_data__isnull=True
    )
    if is_follow_up(run):
        others = others.exclude(trigger__in=[Trigger.OUTCOMES, Trigger.LABELS])
    else:
        others = others.filter(trigger=Trigger.LABELS)
    return others.select_related("monitor").defer("inline_data").order_by("-window_end").first()
