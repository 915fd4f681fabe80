"""Reads how the monitors of a tenant stand: open alerts, last checks, and the runs of the last day."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, IntegerField, Max, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from alerts.models import Alert
from alerts.selectors import list_alerts
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from drift_detector.scheduling.timetable import Schedule
from monitors.models import Monitor

LATELY = timedelta(days=1)
SEVERITIES = tuple(Severity)
"""From the mildest to the worst; the place plus one is the rank."""
VERDICTS = (
    Verdict.OK,
    Verdict.UNSUPPORTED,
    Verdict.INSUFFICIENT_DATA,
    Verdict.NO_DATA,
    Verdict.DRIFT,
    Verdict.ERROR,
)
"""From the one that needs nothing to the one that needs most."""
CHECK = JSONObject(
    id="id", status="status", verdict="verdict", start="window_start", end="window_end"
)


@dataclass(frozen=True, slots=True)
class Check:
    """A run that compares a window, as a strip shows it."""

    id: UUID
    status: str
    verdict: str
    start: datetime
    end: datetime

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The check that `CHECK` selects."""
        start, end = (datetime.fromisoformat(values[name]) for name in ("start", "end"))
        return cls(UUID(values["id"]), values["status"], values["verdict"], start, end)

    @property
    def word(self) -> str:
        """The verdict; without one the status: the run is skipped, or not finished."""
        return self.verdict or self.status


@dataclass(frozen=True, slots=True)
class MonitorStanding:
    """The standing of a monitor: its last verdict and its alerts.

    Attributes:
        severity: The worst severity of its open alerts; empty without one.
        last: Its newest check with a verdict, by its tick.
    """

    id: UUID
    name: str
    status: str
    schedule: Schedule
    severity: str
    open_alerts: int
    last: Check | None

    @property
    def verdict(self) -> str:
        """The verdict of the newest check; empty before the first one."""
        return self.last.verdict if self.last else ""


@dataclass(frozen=True, slots=True)
class WaitingCounts:
    """The alerts that people have not seen.

    Attributes:
        open: Those that go on, by severity, the worst first.
        ended: Those that are over.
    """

    open: Mapping[str, int]
    ended: int


def list_waiting_alerts() -> QuerySet[Alert]:
    """The alerts that people have not seen, with their monitors: first those that go on."""
    is_over = When(status=Alert.Status.RESOLVED, then=0)
    ranked = _waiting(list_alerts()).annotate(rank=_rank("severity", SEVERITIES, is_over))
    return ranked.order_by("-rank", "-window_end", "-id")


def count_waiting_alerts() -> WaitingCounts:
    """Count the alerts that people have not seen."""
    waiting = _waiting(Alert.objects.order_by())
    rows = waiting.values_list("status", "severity").annotate(count=Count("id"))
    counts = {(status, severity): count for status, severity, count in rows}
    ended = sum(count for (status, _), count in counts.items() if status == Alert.Status.RESOLVED)
    worst_first = [each.value for each in reversed(SEVERITIES)]
    opened = {each: counts.get((Alert.Status.OPEN.value, each), 0) for each in worst_first}
    return WaitingCounts(opened, ended)


def _waiting(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """Those that wait for people; all but the status is the condition of the index `alert_unacknowledged`."""
    return alerts.filter(
        status__in=[Alert.Status.OPEN, Alert.Status.RESOLVED],
        attention__in=Alert.WAITING,
        is_history=False,
        opened_at__isnull=False,
    )


def _rank(field: str, values: Iterable[str], *before: When) -> Case:
    """The place of a field's value from 1 on; what comes `before` decides first."""
    whens = [When(**{field: value}, then=place) for place, value in enumerate(values, 1)]
    return Case(*before, *whens, default=0, output_field=IntegerField())


def with_standing(monitors: QuerySet[Monitor]) -> QuerySet[Any]:
    """Monitors with `worst` (the rank of their worst open alert), `open_alerts`, `last_check` and `need`.

    `need` ranks the verdict of the last check.
    """
    of_monitor = _waiting(Alert.objects.filter(monitor_id=OuterRef("pk"))).order_by()
    is_open = of_monitor.filter(status=Alert.Status.OPEN)
    counted = is_open.values("monitor_id").annotate(
        count=Count("id"), worst=Max(_rank("severity", SEVERITIES))
    )
    judged = _checks().exclude(verdict="")
    return monitors.annotate(
        worst=Coalesce(Subquery(counted.values("worst")), 0),
        open_alerts=Coalesce(Subquery(counted.values("count")), 0),
        last_check=Subquery(judged.values(json=CHECK)[:1]),
        need=Coalesce(Subquery(judged.values(rank=_rank("verdict", VERDICTS))[:1]), 0),
    )


def with_drifted_features(monitors: QuerySet[Any]) -> QuerySet[Any]:
    """Monitors with `drifted`: the drifted features of each alert that goes on, seen or not."""
    going_on = Alert.objects.filter(
        monitor_id=OuterRef("pk"), is_history=False, opened_at__isnull=False
    ).exclude(phase=Alert.Phase.RESOLVED)
    drifted: QuerySet[Any] = monitors.annotate(
        drifted=ArraySubquery(going_on.values("drifted_features"))
    )
    return drifted


def _checks() -> QuerySet[DetectionRun]:
    """The checks of the monitor of the outer query, the newest tick first.

    The index of `run_once_per_tick` has the runs of a monitor by their ticks, all but follow-ups.
    """
    of_monitor = DetectionRun.objects.filter(monitor_id=OuterRef("pk"))
    checks = of_monitor.exclude(trigger=DetectionRun.Trigger.LABELS)
    return checks.exclude(trigger=DetectionRun.Trigger.OUTCOMES).order_by("-scheduled_for")


def list_standings() -> list[MonitorStanding]:
    """All monitors, the worst first: by their open alerts, then by the verdict of their last check."""
    ranked = with_standing(Monitor.objects.all()).order_by("-worst", "-need", "name")
    rows = ranked.values_list(
        "id", "name", "status", "schedule_cron", "timezone", "worst", "open_alerts", "last_check"
    )
    return [_standing(*row) for row in rows]


def _standing(
    id_: UUID,
    name: str,
    status: str,
    cron: str,
    zone: str,
    worst: int,
    open_alerts: int,
    last: Mapping[str, Any] | None,
) -> MonitorStanding:
    return MonitorStanding(
        id=id_,
        name=name,
        status=status,
        schedule=Schedule(cron, zone),
        severity=severity_of_rank(worst),
        open_alerts=open_alerts,
        last=Check.of_json(last) if last else None,
    )


def severity_of_rank(worst: int) -> str:
    """The severity of a rank; empty for 0."""
    return SEVERITIES[worst - 1].value if worst else ""


def get_latest_checks(monitor_ids: Collection[UUID], *, most: int) -> dict[UUID, list[Check]]:
    """The latest checks of each monitor by their ticks, in the order of the windows.

    Args:
        monitor_ids: The monitors.
        most: Checks of one monitor.
    """
    latest = ArraySubquery(_checks().values(json=CHECK)[:most])
    rows = Monitor.objects.filter(id__in=monitor_ids).values_list("id", latest)
    return {id_: _in_order(checks) for id_, checks in rows}


def _in_order(checks: Iterable[Mapping[str, Any]]) -> list[Check]:
    return sorted(map(Check.of_json, checks), key=lambda check: (check.end, check.start))


def count_latest_runs() -> dict[str, int]:
    """The runs that were made in the last day, by their verdict, or by their status without one."""
    runs = DetectionRun.objects.filter(created_at__gte=timezone.now() - LATELY).order_by()
    rows = runs.values_list("status", "verdict").annotate(Count("id"))
    counts: dict[str, int] = {}
    for status, verdict, count in rows:
        counts[verdict or status] = counts.get(verdict or status, 0) + count
    return counts
