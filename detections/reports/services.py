"""Makes Evidently's drift report over the two windows of a run; only the task imports Evidently."""

from datetime import timedelta
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import structlog
from django.conf import settings
from django.utils import timezone

from detections.evaluation.context import (
    BaselineNotReady,
    NoBaseline,
    RunContext,
    load_context,
    read_run_window,
)
from detections.models import DetectionRun, Report
from detections.reports.report_columns import ComparableWindows, describe_left_out, with_note
from detections.reports.report_figures import read_figures
from drift_detector.celery import Priority, enqueue
from drift_detector.lease import (
    NO_LEASE,
    Lease,
    claim_row,
    is_unleased,
    kept_lease,
    lease_of_worker,
)
from drift_detector.memory import out_of_memory
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.monitor_windows import frozen_column_types, frozen_reference_window
from monitors.sources import SourceError, read_window

log = structlog.get_logger(__name__)

REPORT_TASK = "detections.build_report"
HOW_TO_INSTALL = (
    "Evidently is not installed here. It comes with: uv pip install -r requirements.txt"
)
SAMPLE_SEED = 0


class NoReport(Exception):
    """A report can't be made; the text says why."""


def request_report(*, run: DetectionRun) -> Report:
    """Ask for the report of a run; one that failed or takes too long is made again, one that exists is kept,
    unless it shows a feature that became sensitive.

    Raises:
        NoReport: If Evidently is not installed or the run was never judged.
        OverQuota: If the tenant's rows may not grow.
    """
    if find_spec("evidently") is None:
        raise NoReport(HOW_TO_INSTALL)
    if run.status != DetectionRun.Status.SUCCEEDED or not run.rows:
        raise NoReport("A report needs a succeeded run with rows.")
    check_room(Quota.STORAGE)
    report, is_new = Report.objects.get_or_create(tenant_id=run.tenant_id, run=run)
    if is_new or _is_wanted_again(report, run):
        _restart(report)
    return report


def _is_wanted_again(report: Report, run: DetectionRun) -> bool:
    """True if the report failed, is not made within the time limit, or shows what is sensitive by now."""
    is_over = report.status == Report.Status.FAILED or _is_lost(report)
    return is_over or shows_sensitive(report, run)


def shows_sensitive(report: Report, run: DetectionRun) -> bool:
    """True if a report was made before one of its columns became sensitive."""
    sensitive = run.monitor.sensitive_features
    return any(each.feature in sensitive for each in read_figures(report.summary).columns)


def _is_lost(report: Report) -> bool:
    limit = timedelta(seconds=settings.ENV.runs.time_limit_seconds)
    is_overdue = report.requested_at < timezone.now() - limit
    return report.status == Report.Status.BUILDING and is_overdue


def _restart(report: Report) -> None:
    Report.objects.filter(id=report.id).update(
        status=Report.Status.BUILDING,
        reason="",
        html="",
        summary={},
        requested_at=timezone.now(),
        **NO_LEASE,
    )
    report.refresh_from_db()
    _enqueue(report.tenant_id, report.id)


def _enqueue(tenant_id: UUID, report_id: UUID) -> None:
    enqueue(REPORT_TASK, priority=Priority.BACKGROUND, tenant_id=tenant_id, report_id=report_id)


def build_report(*, tenant_id: UUID, report_id: UUID, worker: str) -> None:
    """Read both windows again, sample them, and keep the page that Evidently makes of them."""
    claimed = _claim(tenant_id, report_id, worker)
    if claimed is None:
        return
    lease, run_id = claimed
    with kept_lease(lease.renew):
        fields = _try_build(tenant_id, run_id)
    is_ours = lease.finish(built_at=timezone.now(), **fields)
    event = "report_built" if is_ours else "report_refused"
    log.info(event, report_id=str(report_id), status=fields["status"])


def _claim(tenant_id: UUID, report_id: UUID, worker: str) -> tuple[Lease, UUID] | None:
    """The lease of a report, and the id of its run; None if another worker has it or it is built."""
    with tenant_scope(tenant_id):
        free = Report.objects.filter(is_unleased(), status=Report.Status.BUILDING)
        lease = claim_row(free, report_id, tenant_id=tenant_id, worker=worker)
        if lease is None:
            return None
        return lease, Report.objects.values_list("run_id", flat=True).get(id=report_id)


def release_report(*, tenant_id: UUID, report_id: UUID, worker: str) -> None:
    """Release the report of a worker that stops; another makes it."""
    with tenant_scope(tenant_id):
        building = Report.objects.filter(id=report_id, status=Report.Status.BUILDING)
        lease = lease_of_worker(building, tenant_id=tenant_id, worker=worker)
        if lease is not None and lease.release(is_attempt=False):
            _enqueue(tenant_id, report_id)
            log.info("report_released", report_id=str(report_id), worker=worker)


def fail_report(*, tenant_id: UUID, report_id: UUID, reason: str, worker: str) -> None:
    """Fail a report whose data have crashed a worker's process."""
    with tenant_scope(tenant_id):
        building = Report.objects.filter(id=report_id, status=Report.Status.BUILDING)
        lease = lease_of_worker(building, tenant_id=tenant_id, worker=worker)
    if lease is not None:
        lease.finish(built_at=timezone.now(), status=Report.Status.FAILED, reason=reason)


def _try_build(tenant_id: UUID, run_id: UUID) -> dict[str, Any]:
    try:
        with tenant_scope(tenant_id):
            context = load_context(run_id)
        return _build(context)
    except (NoBaseline, BaselineNotReady, SourceError, UnreadableBaseline) as error:
        return {"status": Report.Status.FAILED, "reason": str(error)}
    except MemoryError:
        log.warning("report_out_of_memory", run_id=str(run_id))
        return {"status": Report.Status.FAILED, "reason": out_of_memory()}
    except Exception as error:
        log.exception("report_crashed", run_id=str(run_id))
        return {"status": Report.Status.FAILED, "reason": f"{type(error).__name__}: {error}"}


def _build(context: RunContext) -> dict[str, Any]:
    from detections.reports.evidently import (
        compare,  # three to ten seconds and 280 MB, which no other process should pay
    )

    features = context.baseline.features
    sensitive = context.monitor.sensitive_features
    windows = ComparableWindows.of(*_windows(context), features, sensitive)
    if not windows.reference.num_columns:
        reason = f"No column can be compared. {describe_left_out(windows.left_out)}"
        return {"status": Report.Status.FAILED, "reason": reason}
    found = compare(windows.reference, windows.current, numeric=windows.numeric)
    note = describe_left_out({**windows.left_out, **found.failed})
    if not found.page:
        return {"status": Report.Status.FAILED, "reason": f"No column can be compared. {note}"}
    return {
        "status": Report.Status.READY,
        "reason": note,
        "html": with_note(found.page, note),
        "summary": found.summary,
        "reference_rows": windows.reference.num_rows,
        "current_rows": windows.current.num_rows,
    }


def _windows(context: RunContext) -> tuple[pa.Table, pa.Table]:
    """The reference of the run's own baseline and the current window, sampled."""
    columns = frozen_column_types(frozen_baselines.get(context.baseline))
    monitor, baseline, policy = context.monitor, context.baseline, context.policy
    reference = read_window(frozen_reference_window(monitor, baseline, policy, columns))
    return _sample(reference), _sample(read_run_window(context, columns))


def _sample(table: pa.Table) -> pa.Table:
    """A uniform sample of at most the rows that the settings allow; the same for the same table."""
    most = settings.ENV.reports.max_rows
    if table.num_rows <= most:
        return table
    rows = np.random.default_rng(SAMPLE_SEED).choice(table.num_rows, size=most, replace=False)
    return table.take(pa.array(np.sort(rows)))
