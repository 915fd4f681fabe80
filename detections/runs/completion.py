"""Completes a run: its result, detections, follow-up, listeners and events in one transaction."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from algorithms.method_results import MethodResult, counting
from algorithms.methods import Method
from algorithms.verdicts import Verdict
from detections import listeners
from detections.ledger import runs as ledger
from detections.ledger.follow_ups import plan_follow_up
from detections.ledger.runs import Claim
from detections.models import DetectionRun
from detections.outcomes.ingest import lock_stream
from detections.outcomes.services import accept_new_rows
from detections.outcomes.source_data import SOURCE_STREAM
from detections.profiles.profile_recording import store_profile
from detections.results import RunResult
from detections.runs.inline_rows import drop_sensitive_rows
from detections.runs.run_recording import record_detections
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import note
from drift_detector.tenancy.scope import tenant_scope
from monitors.budgets.levels import opening_level
from monitors.models import Monitor

log = structlog.get_logger(__name__)

OF_BUDGETS = ("id", "model_id", "status", "budget_weight")
"""The fields of a monitor that its share of a budget depends on."""


def complete_run(claim: Claim, result: RunResult) -> bool:
    """Commit a run with all that follows from its result, in one transaction.

    Locks, in this order: the stream of the monitor's own data, the monitor, then what listeners lock.

    Returns:
        False when another worker owns the run; then nothing is written.
    """
    new = result.new_outcomes
    with tenant_scope(claim.tenant_id):
        stream = lock_stream(claim.monitor_id, SOURCE_STREAM) if new is not None else None
        monitor = _lock_monitor(claim.monitor_id)
        run = _record_result(claim, result, _level_of(monitor, result))
        if run is None:
            return False
        finding = record_detections(run, result)
        store_profile(run, result)
        drop_sensitive_rows(run)
        plan_follow_up(run)
        listeners.notify_listeners(run, finding)
        if new is not None and stream is not None:
            accept_new_rows(run, stream, new)
        note(Quota.BYTES_READ, result.reading.size)  # last, as all runs of the tenant lock its row
        return True


def _lock_monitor(monitor_id: UUID) -> Monitor | None:
    """Two runs of one monitor can end at once; the lock lets them through one after the other."""
    monitors = Monitor.objects.select_for_update(no_key=True).only(*OF_BUDGETS)
    return monitors.filter(id=monitor_id).first()


def _level_of(monitor: Monitor | None, result: RunResult) -> float | None:
    """The level that the run's p-value is held against; most runs have no drift, and read none."""
    if monitor is None or result.p_value is None or not _drifted_by_evidence(result.methods):
        return None
    return opening_level(monitor, has_null=result.has_null)


def _drifted_by_evidence(methods: Sequence[MethodResult]) -> bool:
    """True if features drifted, and each of them has a p-value; a lost column has none, and a metric is no feature."""
    of_features = [each for each in counting(methods) if isinstance(each.method, Method)]
    details = [detail for each in of_features for detail in (*each.details, *each.slices)]
    drifted = [detail for detail in details if detail.verdict is Verdict.DRIFT]
    return bool(drifted) and all(detail.p_value is not None for detail in drifted)


def _record_result(claim: Claim, result: RunResult, level: float | None) -> DetectionRun | None:
    """End the run in the ledger; None when another worker owns it."""
    run_id, attempt = str(claim.run_id), claim.attempt
    if not _is_finished(claim, result, level):
        log.warning("run_refused", run_id=run_id, attempt=attempt)
        return None
    verdict, rows = result.verdict, result.rows
    log.info("run_finished", run_id=run_id, verdict=verdict, rows=rows, attempt=attempt)
    runs = DetectionRun.objects.select_related("monitor").defer("inline_data")
    return runs.get(id=claim.run_id)


def _is_finished(claim: Claim, result: RunResult, level: float | None) -> bool:
    return ledger.finish_run(
        claim,
        status=DetectionRun.Status.FAILED if result.is_failed else DetectionRun.Status.SUCCEEDED,
        verdict=result.verdict,
        reason=result.reason,
        rows=result.rows,
        baseline_id=result.baseline_id,
        reading=result.reading,
        phases=result.phases,
        p_value=result.p_value,
        opening_level=level,
    )
