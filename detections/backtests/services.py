"""Replays a monitor's past ticks and counts its alerts, without runs, alerts or events."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Severity, Verdict
from detections.evaluation.judge import judge_window, plan_of
from detections.evaluation.time_comparisons import with_time_references
from detections.evaluation.window_counts import with_reading
from detections.findings import drifted_features, severity_of_run
from detections.ledger.runs import list_ticks
from detections.models import Backtest
from detections.results import RunResult, failure
from drift_detector.celery import Priority, enqueue
from drift_detector.lease import (
    Lease,
    claim_row,
    is_unleased,
    kept_lease,
    lease_of_worker,
    lease_time,
)
from drift_detector.memory import out_of_memory
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import take
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from monitors.bad_windows.selectors import with_bad_windows
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.models import Baseline, Monitor
from monitors.monitor_windows import current_window, frozen_column_types
from monitors.selectors import get_current_baseline, get_source_policy
from monitors.sources import SourceError, SourcePolicy, open_window

SHOWN = ("feature", "slice", "method", "effect_size")
"""The fields of a drifted feature that a backtest keeps; the whole window has no slice."""
log = structlog.get_logger(__name__)

BACKTEST_TASK = "detections.build_backtest"
# How long a worker is kept from what may be waiting; a tick is not interrupted.
TURN_SECONDS = 30
MONTH = timedelta(days=30)
Status = Backtest.Status


class NoBacktest(Exception):
    """The monitor can't be replayed; the text says why."""


@dataclass(frozen=True, kw_only=True)
class _ReplayContext:
    """Everything a backtest needs, loaded before any work begins."""

    monitor: Monitor
    frozen: FrozenBaseline
    plan: EvaluationPlan
    policy: SourcePolicy


@dataclass(frozen=True, slots=True)
class _Work:
    """A claimed backtest."""

    lease: Lease
    backtest: Backtest


NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


def request_backtest(
    *,
    monitor: Monitor,
    start: datetime,
    end: datetime,
    requested_by: str,
    changes: Mapping[str, Any] = NO_CHANGES,
    version: int | None = None,
) -> Backtest:
    """Ask for a replay of the ticks in [start, end) against a baseline.

    Args:
        monitor: The monitor.
        start: The first tick, included.
        end: The last tick, not included.
        requested_by: The name of a person, a key or a service.
        changes: Checked fields of the monitor, such as tolerances, that the ticks are judged with.
        version: Of the baseline; None for the newest that is ready.

    Raises:
        NoBacktest: If the monitor has no timestamp column, or no such baseline that is ready.
        ValidationError: If there is no tick in this time, or more than the settings allow.
        OverQuota: If the tenant may not have as many runs today; each tick reads as much as a run.
    """
    baseline = _baseline_of(monitor, version)
    ticks = list_ticks(monitor, start, end, most=settings.ENV.runs.max_backtest)
    if not ticks:
        raise ValidationError({"to": "The span needs at least one tick of the monitor's schedule."})
    backtest = Backtest.objects.create(
        tenant_id=current_tenant_id(),
        monitor=monitor,
        baseline=baseline,
        requested_by=requested_by,
        changes=dict(changes),
        start=start,
        end=end,
    )
    _enqueue(backtest.tenant_id, backtest.id)
    take(Quota.RUNS, len(ticks), closed_by=(Quota.BYTES_READ,))
    return backtest


def _baseline_of(monitor: Monitor, version: int | None) -> Baseline:
    if not monitor.timestamp_column:
        raise NoBacktest("A backtest needs a monitor with a timestamp_column.")
    baseline = get_current_baseline(monitor.id, version=version)
    if baseline is None:
        raise NoBacktest("A backtest needs a baseline that is ready.")
    return baseline


def build_backtest(*, tenant_id: UUID, backtest_id: UUID, worker: str) -> None:
    """Replay the ticks of a backtest; a second worker at once, or after, finds nothing to do.

    Judged ticks are saved with each heartbeat of the lease; the next worker continues from there.
    """
    work = _claim(tenant_id, backtest_id, worker)
    if work is None:
        return
    if work.backtest.attempt > settings.ENV.runs.max_attempts:
        _fail(work, "The worker stopped answering.")
        return
    try:
        _take_turn(work)
    except SoftTimeLimitExceeded:
        _continue_later(work)
    except ValidationError as error:  # the schedule has been changed since
        _fail(work, "; ".join(error.messages))
    except UnreadableBaseline as error:
        _fail(work, str(error))
    except (OperationalError, InterfaceError):
        raise  # the database is away; the lease expires and the reconciler enqueues the backtest again
    except MemoryError:
        log.warning("backtest_out_of_memory", backtest_id=str(backtest_id))
        _fail(work, out_of_memory())
    except Exception as error:
        log.exception("backtest_crashed", backtest_id=str(backtest_id))
        _fail(work, f"{type(error).__name__}: {error}")


def _take_turn(work: _Work) -> None:
    """Judge ticks until all are judged or the turn is over."""
    backtest = work.backtest
    with kept_lease(partial(_save, work)):
        is_done = _replay(backtest, until=time.monotonic() + TURN_SECONDS)
    if is_done:
        summary = summarize(backtest.windows, backtest.end - backtest.start)
        _finish(work, status=Status.READY, windows=backtest.windows, summary=summary)
    else:
        _continue_later(work)


def release_backtest(*, tenant_id: UUID, backtest_id: UUID, worker: str) -> None:
    """Release the backtest of a worker that stops; another continues from what was saved last."""
    with tenant_scope(tenant_id):
        running = Backtest.objects.filter(id=backtest_id, status=Status.RUNNING)
        lease = lease_of_worker(running, tenant_id=tenant_id, worker=worker)
        if lease is not None and lease.release(is_attempt=False):
            _enqueue(tenant_id, backtest_id)
            log.info("backtest_released", backtest_id=str(backtest_id), worker=worker)


def fail_backtest(*, tenant_id: UUID, backtest_id: UUID, reason: str, worker: str) -> None:
    """Fail a backtest whose data have crashed a worker's process."""
    with tenant_scope(tenant_id):
        running = Backtest.objects.filter(id=backtest_id, status=Status.RUNNING)
        lease = lease_of_worker(running, tenant_id=tenant_id, worker=worker)
    if lease is not None:
        lease.finish(finished_at=timezone.now(), status=Status.FAILED, reason=reason)


def summarize(windows: Sequence[dict[str, Any]], span: timedelta) -> dict[str, Any]:
    """Count the alerts that the monitor would have raised, from the records of its ticks, oldest first.

    `features` counts the windows in which each feature was reported as drifted.
    """
    verdicts = Counter(window["verdict"] for window in windows)
    drifted = [window for window in windows if window["verdict"] == Verdict.DRIFT]
    judged, alerts = verdicts[Verdict.OK] + len(drifted), _count_episodes(windows)
    return {
        "ticks": len(windows),
        "judged": judged,
        "drifted": len(drifted),
        "drift_rate": len(drifted) / judged if judged else None,
        "alerts": alerts,
        "alerts_per_month": alerts / (span / MONTH),
        "by_severity": _count_severities(drifted),
        "features": _count_features(drifted),
        "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
    }


def _count_severities(drifted: Sequence[dict[str, Any]]) -> dict[str, int]:
    severities = Counter(window["severity"] for window in drifted)
    return {severity.value: severities[severity] for severity in Severity}


def _count_features(drifted: Sequence[dict[str, Any]]) -> dict[str, int]:
    """The number of drifted windows of each feature, the largest first."""
    features: Counter[str] = Counter()
    for window in drifted:
        features.update(each["feature"] for each in window["drifted_features"])
    return dict(features.most_common())


def _count_episodes(windows: Sequence[dict[str, Any]]) -> int:
    """Drifted windows in a row are one alert; only an ok one ends it, as it resolves an alert."""
    decisive = _decisive_verdicts(windows)
    pairs = zip([Verdict.OK, *decisive], decisive, strict=False)
    return sum(pair == (Verdict.OK, Verdict.DRIFT) for pair in pairs)


def _decisive_verdicts(windows: Sequence[dict[str, Any]]) -> list[str]:
    verdicts = [window["verdict"] for window in windows]
    return [verdict for verdict in verdicts if verdict in (Verdict.OK, Verdict.DRIFT)]


def _claim(tenant_id: UUID, backtest_id: UUID, worker: str) -> _Work | None:
    with tenant_scope(tenant_id):
        free = Backtest.objects.filter(is_unleased(), status=Status.RUNNING)
        lease = claim_row(free, backtest_id, tenant_id=tenant_id, worker=worker)
        return _Work(lease, _get_backtest(backtest_id)) if lease else None


def _get_backtest(backtest_id: UUID) -> Backtest:
    backtests = Backtest.objects.select_related("monitor", "baseline")
    return backtests.defer("baseline__content").get(id=backtest_id)


def _replay(backtest: Backtest, *, until: float) -> bool:
    """Judge the ticks that are left, with no transaction open; False when that takes longer than until then."""
    context = _load_context(backtest)
    for tick in _ticks_left(backtest):
        if backtest.attempt == 0 and time.monotonic() > until:
            return False
        backtest.windows.append(_judge_tick(context, tick))
        backtest.attempt = 0  # it gets on: attempts are counted from here again
    return True


def _load_context(backtest: Backtest) -> _ReplayContext:
    with tenant_scope(backtest.tenant_id):
        policy = get_source_policy()
        monitor = with_bad_windows(backtest.monitor)
    for name, value in backtest.changes.items():
        setattr(monitor, name, value)  # in memory alone
    return _ReplayContext(
        monitor=monitor,
        frozen=frozen_baselines.get(backtest.baseline),
        plan=plan_of(monitor, backtest.baseline, monitor.window),
        policy=policy,
    )


def _ticks_left(backtest: Backtest) -> list[datetime]:
    most = settings.ENV.runs.max_backtest
    ticks = list_ticks(backtest.monitor, backtest.start, backtest.end, most=most)
    judged = {window["scheduled_for"] for window in backtest.windows}
    return [tick for tick in ticks if tick.isoformat() not in judged]


def _judge_tick(context: _ReplayContext, tick: datetime) -> dict[str, Any]:
    start, end = context.monitor.window_at(tick)
    try:
        result = _judge_window(context, (start, end))
    except SourceError as error:
        result = failure(str(error), methods=context.monitor.effective_methods)
    times = {"scheduled_for": tick, "window_start": start, "window_end": end}
    return {name: moment.isoformat() for name, moment in times.items()} | _record(result)


def _judge_window(context: _ReplayContext, bounds: tuple[datetime, datetime]) -> RunResult:
    monitor, policy, frozen, plan = context.monitor, context.policy, context.frozen, context.plan
    spec = current_window(monitor, policy, bounds, frozen_column_types(frozen))
    with open_window(spec) as window:
        result = judge_window(frozen, window, plan)
        rows = result.rows
        result = with_time_references(result, monitor, policy, frozen, window, bounds, plan)
        return with_reading(result, rows=rows, files=window.files)


def _record(result: RunResult) -> dict[str, Any]:
    is_drift, read = result.verdict is Verdict.DRIFT, result.reading.as_columns()
    return {
        "rows": result.rows,
        **{name: read[name] for name in ("rows_read", "files_read", "files_skipped_count")},
        "verdict": result.verdict.value,
        "reason": result.reason,
        "severity": severity_of_run(result.methods).value if is_drift else "",
        "drifted_features": [_shown(each) for each in drifted_features(result.methods)],
    }


def _shown(drifted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: drifted[name] for name in SHOWN if name in drifted}


def _save(work: _Work) -> bool:
    """Save the judged ticks and renew the lease; False when the backtest is no longer ours."""
    return work.lease.update(
        windows=list(work.backtest.windows),
        attempt=work.backtest.attempt,
        lease_expires_at=timezone.now() + lease_time(),
    )


def _continue_later(work: _Work) -> None:
    """Free the worker; a backtest that makes no progress fails after its last attempt."""
    backtest, runs = work.backtest, settings.ENV.runs
    if backtest.attempt >= runs.max_attempts:
        _fail(work, f"It took longer than {runs.time_limit_seconds} seconds.")
        return
    with tenant_scope(backtest.tenant_id):
        if work.lease.finish(windows=backtest.windows, attempt=backtest.attempt):
            _enqueue(backtest.tenant_id, backtest.id)


def _fail(work: _Work, reason: str) -> None:
    _finish(work, status=Status.FAILED, reason=reason)


def _enqueue(tenant_id: UUID, backtest_id: UUID) -> None:
    enqueue(
        BACKTEST_TASK, priority=Priority.BACKGROUND, tenant_id=tenant_id, backtest_id=backtest_id
    )


def _finish(work: _Work, **fields: Any) -> None:
    is_ours = work.lease.finish(finished_at=timezone.now(), **fields)
    event = "backtest_built" if is_ours else "backtest_refused"
    log.info(event, backtest_id=str(work.backtest.id), **_logged(fields))


def _logged(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in ("status", "reason")}
