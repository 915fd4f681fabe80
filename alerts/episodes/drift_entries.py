"""The drift entries of an alert: the drifted features, and the runs that can say that they are over.

Two sorts of runs judge the windows of a monitor. A check judges all features at once. A follow-up comes
later, when labels are due, and judges the model's performance alone. So an entry keeps the window in
which it was last seen, and each entry ends by itself. `RunVerdicts.ends` has the rule as a table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db.models import QuerySet

from alerts.models import Alert
from algorithms.method_results import MethodResult, PerformanceMethod
from algorithms.verdicts import Verdict
from detections.models import Detection, DetectionRun

MEASURED = PerformanceMethod.PERFORMANCE.value
METRIC_METHODS = frozenset(method.value for method in PerformanceMethod)
Trigger = DetectionRun.Trigger


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """One drifted feature of an alert.

    Attributes:
        method: The method that sees the drift most clearly.
        feature: The feature, or the metric.
        window_end: The end of the window in which the drift was last seen.
        record: The entry as stored and as the API shows it.
    """

    method: str
    feature: str
    window_end: datetime
    record: dict[str, Any]

    @classmethod
    def of_run(cls, run: DetectionRun, drifted: Iterable[dict[str, Any]]) -> list[Self]:
        """The entries of a drifted run."""
        end = run.window_end.isoformat()
        return [cls._of_record(record | {"window_end": end}) for record in drifted]

    @classmethod
    def of_alert(cls, alert: Alert) -> list[Self]:
        """The entries that an alert holds; one without a window is as new as the alert."""
        end = alert.window_end.isoformat()
        return [cls._of_record({"window_end": end} | record) for record in alert.drifted_features]

    @classmethod
    def _of_record(cls, record: dict[str, Any]) -> Self:
        end = datetime.fromisoformat(record["window_end"])
        return cls(record["method"], record["feature"], end, record)

    @property
    def is_metric(self) -> bool:
        """True if the entry is a performance metric, measured or estimated."""
        return self.method in METRIC_METHODS

    @property
    def names(self) -> tuple[str, str]:
        """The method and the feature."""
        return self.method, self.feature


class FeatureVerdict(NamedTuple):
    """The verdict of one method on one feature."""

    method: str
    feature: str
    verdict: str


@dataclass(frozen=True, slots=True)
class RunVerdicts:
    """The feature verdicts of a run."""

    run: DetectionRun
    verdicts: Sequence[FeatureVerdict]

    @classmethod
    def of_results(cls, run: DetectionRun, methods: Sequence[MethodResult]) -> Self:
        """The verdicts of a run that has just ended."""
        verdicts: list[FeatureVerdict] = []
        for method in methods:
            verdicts += _verdicts_of(method)
        return cls(run, verdicts)

    @classmethod
    def of_stored(cls, run: DetectionRun) -> Self:
        """The verdicts of an earlier run, from its detections."""
        rows = Detection.objects.filter(run_id=run.id).values_list("method", "details")
        verdicts: list[FeatureVerdict] = []
        for method, details in rows:
            verdicts += _stored_verdicts(method, details)
        return cls(run, verdicts)

    def judges(self, entry: DriftEntry) -> bool:
        """True if the run judged the entry; a measured metric also judges its estimate."""
        methods = {entry.method, MEASURED} if entry.is_metric else {entry.method}
        return not methods.isdisjoint(self._methods_on(entry.feature))

    def _methods_on(self, feature: str) -> set[str]:
        """The methods that judged a feature."""
        return {each.method for each in self.verdicts if each.feature == feature}

    def ends(self, entry: DriftEntry) -> bool:
        """True if this run, which is ok, shows that the drift of an entry is over.

        | the run's window | its verdicts on the feature | judges the entry | must judge it | over |
        |------------------|-----------------------------|------------------|---------------|------|
        | older            | any                         | any              | any           | no   |
        | as new or newer  | one is not ok               | any              | any           | no   |
        | as new or newer  | all are ok                  | yes              | any           | yes  |
        | as new or newer  | all are ok                  | no               | yes           | no   |
        | as new or newer  | all are ok                  | no               | no            | yes  |

        A run must judge a metric that still has a limit, and a follow-up must judge every entry. An entry
        that a check need not judge belongs to a feature that the monitor no longer watches.
        """
        if self.run.window_end < entry.window_end or not self._is_ok(entry.feature):
            return False
        return self.judges(entry) or not self._must_judge(entry)

    def _is_ok(self, feature: str) -> bool:
        return all(each.verdict == Verdict.OK for each in self.verdicts if each.feature == feature)

    def _must_judge(self, entry: DriftEntry) -> bool:
        limits = self.run.monitor.performance_limits
        return is_follow_up(self.run) or (entry.is_metric and entry.feature in limits)


def _verdicts_of(method: MethodResult) -> list[FeatureVerdict]:
    name = method.method.value
    return [FeatureVerdict(name, each.feature, each.verdict.value) for each in method.details]


def _stored_verdicts(method: str, details: list[dict[str, Any]]) -> list[FeatureVerdict]:
    return [FeatureVerdict(method, each["feature"], each["verdict"]) for each in details]


def merge_entries(
    alert: Alert, run: DetectionRun, methods: Sequence[MethodResult], new: Sequence[DriftEntry]
) -> list[DriftEntry]:
    """The entries of an alert after a drifted run joined it.

    A newer check replaces the entries, except metrics that it could not measure. A follow-up replaces
    the metrics that it measured.
    """
    verdicts, old = RunVerdicts.of_results(run, methods), DriftEntry.of_alert(alert)
    if is_follow_up(run):
        return _merge_follow_up(verdicts, old, new)
    if run.window_end <= alert.window_end:
        return old
    return [*new, *_unmeasured(verdicts, old)]


def _unmeasured(verdicts: RunVerdicts, old: Sequence[DriftEntry]) -> list[DriftEntry]:
    """The measured metrics that still have a limit and that a check could not judge."""
    limits = verdicts.run.monitor.performance_limits
    measured = [entry for entry in old if entry.method == MEASURED and entry.feature in limits]
    return [entry for entry in measured if not verdicts.judges(entry)]


def _merge_follow_up(
    verdicts: RunVerdicts, old: Sequence[DriftEntry], new: Sequence[DriftEntry]
) -> list[DriftEntry]:
    end = verdicts.run.window_end
    kept = [entry for entry in old if entry.window_end > end or not verdicts.judges(entry)]
    names = {entry.names for entry in kept}
    return [*(entry for entry in new if entry.names not in names), *kept]


def is_all_over(alert: Alert, run: DetectionRun, methods: Sequence[MethodResult]) -> bool:
    """True if a run that is ok ends every entry of an alert.

    Entries that this run leaves open can be ended by the newest run of the other sort that was ok.
    """
    entries, verdicts = DriftEntry.of_alert(alert), RunVerdicts.of_results(run, methods)
    left = [entry for entry in entries if not verdicts.ends(entry)]
    if not left or len(left) == len(entries):
        return not left
    other = _newest_ok_of_other_sort(run)
    return other is not None and _ends_all(RunVerdicts.of_stored(other), left)


def _ends_all(verdicts: RunVerdicts, entries: Sequence[DriftEntry]) -> bool:
    return all(verdicts.ends(entry) for entry in entries)


def is_already_over(run: DetectionRun, entries: Sequence[DriftEntry]) -> bool:
    """True if newer runs have already found that the features that drifted in a run are ok again."""
    methods = {entry.method for entry in entries}
    newer = _ok_runs(run).filter(window_end__gt=run.window_end).exclude(trigger=Trigger.OUTCOMES)
    if MEASURED in methods:
        newer = newer.filter(detections__method=MEASURED, detections__verdict=Verdict.OK)
    if methods - {MEASURED}:
        newer = newer.exclude(trigger=Trigger.LABELS)
    return newer.exists()


def is_follow_up(run: DetectionRun) -> bool:
    """True if a run measures a window again because its labels are due."""
    return run.trigger == Trigger.LABELS


def _newest_ok_of_other_sort(run: DetectionRun) -> DetectionRun | None:
    """The newest check that was ok, for a follow-up; the newest follow-up that was ok, for a check."""
    others = _ok_runs(run).filter(inline_data__isnull=True)
    if is_follow_up(run):
        others = others.exclude(trigger__in=[Trigger.OUTCOMES, Trigger.LABELS])
    else:
        others = others.filter(trigger=Trigger.LABELS)
    return others.select_related("monitor").defer("inline_data").order_by("-window_end").first()


def _ok_runs(run: DetectionRun) -> QuerySet[DetectionRun]:
    """The runs of the same monitor that were ok."""
    return DetectionRun.objects.filter(monitor_id=run.monitor_id, verdict=Verdict.OK)
