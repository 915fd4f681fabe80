"""Replaying a monitor's past ticks: how often would it have alerted, and on what? No run, alert or event is made."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Severity, Verdict
from detections.evaluation.judge import judge_window, question_of
from detections.evaluation.seasonal import with_weeks_before
from detections.ledger.runs import list_ticks
from detections.models import Backtest
from detections.results import RunResult, failure
from detections.runs.completion import drifted_features, severity_of_run
from drift_detector.celery import Priority, enqueue
from drift_detector.lease import kept_lease, lease_time
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.models import Monitor
from monitors.selectors import get_current_baseline, get_source_policy
from monitors.sources import SourceError, SourcePolicy, open_window

log = structlog.get_logger(__name__)

BACKTEST_TASK = "detections.build_backtest"
# How long a worker is kept from what may be waiting; a tick is not interrupted.
TURN_SECONDS = 30
MONTH = timedelta(days=30)
Status = Backtest.Status


class NoBacktest(Exception):
    """The monitor can't be replayed; the text says why."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Everything a backtest needs, loaded before any work begins."""

    monitor: Monitor
    frozen: FrozenBaseline
    question: EvaluationPlan
    policy: SourcePolicy


def request_backtest(
    *, monitor: Monitor, start: datetime, end: datetime, requested_by: str
) -> Backtest:
    """Ask for a replay of the ticks in [start, end) against the baseline that is current now.

    Raises:
        NoBacktest: If past windows can't be told apart, or there is nothing to compare them with.
        ValidationError: If there is no tick in this time, or more than the settings allow.
    """
    if not monitor.timestamp_column:
        raise NoBacktest("The monitor has no timestamp column to tell past windows by.")
    baseline = get_current_baseline(monitor.id)
    if baseline is None:
        raise NoBacktest("The monitor has no baseline that is ready.")
    if not list_ticks(monitor, start, end, most=settings.ENV.runs.max_backtest):
        raise ValidationError({"to": "The monitor's schedule has no tick in this time."})
    backtest = Backtest.objects.create(
        tenant_id=current_tenant_id(),
        monitor=monitor,
        baseline=baseline,
        requested_by=requested_by,
        start=start,
        end=end,
    )
    enqueue(
        BACKTEST_TASK,
        priority=Priority.BACKGROUND,
        tenant_id=backtest.tenant_id,
        backtest_id=backtest.id,
    )
    return backtest


def build_backtest(*, tenant_id: UUID, backtest_id: UUID) -> None:
    """Replay a backtest's ticks; a second worker at once, or after, finds nothing to do.

    What has been judged is saved with each heartbeat of its lease, and whoever takes it over goes on from there.
    """
    backtest = _claim(tenant_id, backtest_id)
    if backtest is None:
        return
    try:
        if backtest.attempt > settings.ENV.runs.max_attempts:
            _finish(backtest, status=Status.FAILED, reason="The worker stopped answering.")
            return
        with kept_lease(partial(_save, backtest)):
            is_done = _replay(backtest, until=time.monotonic() + TURN_SECONDS)
        if is_done:
            summary = summarize(backtest.windows, backtest.end - backtest.start)
            _finish(backtest, status=Status.READY, windows=backtest.windows, summary=summary)
        else:
            _go_on_later(backtest)
    except SoftTimeLimitExceeded:
        _go_on_later(backtest)
    except ValidationError as error:  # the schedule has been changed since
        _finish(backtest, status=Status.FAILED, reason="; ".join(error.messages))
    except UnreadableBaseline as error:
        _finish(backtest, status=Status.FAILED, reason=str(error))
    except (OperationalError, InterfaceError):
        raise  # the database is away; the claim runs out and the reconciler asks again
    except Exception as error:
        log.exception("backtest_crashed", backtest_id=str(backtest_id))
        _finish(backtest, status=Status.FAILED, reason=f"{type(error).__name__}: {error}")


def hand_back(*, tenant_id: UUID, backtest_id: UUID, worker: str) -> None:
    """Give back a backtest that its worker is stopped in the middle of; another goes on from what was saved last."""
    with tenant_scope(tenant_id):
        running = Backtest.objects.filter(id=backtest_id, status=Status.RUNNING)
        if running.update(attempt=Greatest(F("attempt") - 1, 0), not_before=None):
            enqueue(
                BACKTEST_TASK,
                priority=Priority.BACKGROUND,
                tenant_id=tenant_id,
                backtest_id=backtest_id,
            )
            log.info("backtest_handed_back", backtest_id=str(backtest_id), worker=worker)


def summarize(windows: Sequence[dict[str, Any]], span: timedelta) -> dict[str, Any]:
    """How often the monitor would have alerted, from the records of its ticks, oldest first.

    `features` counts the windows in which each was among the drifted features told.
    """
    verdicts = Counter(window["verdict"] for window in windows)
    drifted = [window for window in windows if window["verdict"] == Verdict.DRIFT]
    judged, alerts = verdicts[Verdict.OK] + len(drifted), _count_episodes(windows)
    severities = Counter(window["severity"] for window in drifted)
    features = Counter(each["feature"] for window in drifted for each in window["drifted_features"])
    return {
        "ticks": len(windows),
        "judged": judged,
        "drifted": len(drifted),
        "drift_rate": len(drifted) / judged if judged else None,
        "alerts": alerts,
        "alerts_per_month": alerts / (span / MONTH),
        "by_severity": {severity.value: severities[severity] for severity in Severity},
        "features": dict(features.most_common()),
        "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
    }


def _count_episodes(windows: Sequence[dict[str, Any]]) -> int:
    """Drifted windows in a row are one alert; only an ok one ends it, as it resolves an alert."""
    decisive = [
        window["verdict"] for window in windows if window["verdict"] in (Verdict.OK, Verdict.DRIFT)
    ]
    pairs = zip([Verdict.OK, *decisive], decisive, strict=False)
    return sum(before == Verdict.OK and verdict == Verdict.DRIFT for before, verdict in pairs)


def _claim(tenant_id: UUID, backtest_id: UUID) -> Backtest | None:
    now = timezone.now()
    free = Q(not_before__isnull=True) | Q(not_before__lt=now)
    with tenant_scope(tenant_id):
        running = Backtest.objects.filter(free, id=backtest_id, status=Status.RUNNING)
        if not running.update(attempt=F("attempt") + 1, not_before=now + lease_time()):
            return None
        return (
            Backtest.objects.select_related("monitor", "baseline")
            .defer("baseline__content")
            .get(id=backtest_id)
        )


def _replay(backtest: Backtest, *, until: float) -> bool:
    """Judge the ticks that are left, with no transaction open; False when that takes longer than until then."""
    with tenant_scope(backtest.tenant_id):
        policy = get_source_policy()
    plan = _Plan(
        monitor=backtest.monitor,
        frozen=frozen_baselines.get(backtest.baseline),
        question=question_of(backtest.monitor, backtest.baseline),
        policy=policy,
    )
    judged = {window["scheduled_for"] for window in backtest.windows}
    for tick in list_ticks(
        plan.monitor, backtest.start, backtest.end, most=settings.ENV.runs.max_backtest
    ):
        if tick.isoformat() in judged:
            continue
        if backtest.attempt == 0 and time.monotonic() > until:
            return False
        backtest.windows.append(_judge_tick(plan, tick))
        backtest.attempt = 0  # it gets on: attempts are counted from here again
    return True


def _judge_tick(plan: _Plan, tick: datetime) -> dict[str, Any]:
    monitor, (start, end) = plan.monitor, plan.monitor.window_at(tick)
    columns = list(plan.frozen.features)
    try:
        with open_window(
            monitor.current_data_uri, plan.policy, columns, monitor.timestamp_column, start, end
        ) as window:
            outcome = judge_window(plan.frozen, window, plan.question)
            outcome = with_weeks_before(
                outcome, monitor, plan.policy, plan.frozen, window, (start, end), plan.question
            )
    except SourceError as error:
        outcome = failure(str(error), methods=monitor.methods)
    times = {"scheduled_for": tick, "window_start": start, "window_end": end}
    return {name: moment.isoformat() for name, moment in times.items()} | _record(outcome)


def _record(outcome: RunResult) -> dict[str, Any]:
    told = drifted_features(outcome.methods)
    return {
        "rows": outcome.rows,
        "verdict": outcome.verdict.value,
        "reason": outcome.reason,
        "severity": severity_of_run(outcome.methods).value
        if outcome.verdict is Verdict.DRIFT
        else "",
        "drifted_features": [
            {name: each[name] for name in ("feature", "method", "effect_size")} for each in told
        ],
    }


def _save(backtest: Backtest) -> bool:
    """Keep what has been judged and push the lease out; False when the backtest is no longer ours."""
    until = timezone.now() + lease_time()
    if not _update(
        backtest, windows=list(backtest.windows), attempt=backtest.attempt, not_before=until
    ):
        return False
    backtest.not_before = until
    return True


def _go_on_later(backtest: Backtest) -> None:
    """Give the worker back; a backtest that gets nowhere in its longest time fails after its last attempt."""
    runs = settings.ENV.runs
    if backtest.attempt >= runs.max_attempts:
        reason = f"It took longer than {runs.time_limit_seconds} seconds."
        _finish(backtest, status=Status.FAILED, reason=reason)
        return
    with tenant_scope(backtest.tenant_id):
        if _update(backtest, windows=backtest.windows, attempt=backtest.attempt, not_before=None):
            enqueue(
                BACKTEST_TASK,
                priority=Priority.BACKGROUND,
                tenant_id=backtest.tenant_id,
                backtest_id=backtest.id,
            )


def _finish(backtest: Backtest, **outcome: Any) -> None:
    is_ours = _update(backtest, finished_at=timezone.now(), **outcome)
    log.info(
        "backtest_built" if is_ours else "backtest_refused",
        backtest_id=str(backtest.id),
        **_logged(outcome),
    )


def _logged(outcome: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outcome.items() if name in ("status", "reason")}


def _update(backtest: Backtest, **fields: Any) -> bool:
    """Write to a backtest while it is ours: until when its lease lasts is the lease's token."""
    with tenant_scope(backtest.tenant_id):
        held = Backtest.objects.filter(
            id=backtest.id, status=Status.RUNNING, not_before=backtest.not_before
        )
        return bool(held.update(**fields))
