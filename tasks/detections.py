from typing import Any
from uuid import UUID

from celery import shared_task

from alerts.learning.suggestions import settle_backtest
from detections.backtests import services as backtests
from detections.evaluation import fan_out
from detections.ledger import dispatch, ticks
from detections.reports import services as reports
from detections.runs.execution import execute
from detections.storage import STORAGE_TASK
from detections.storage import measure_storage as measure
from drift_detector.scheduling.schedules import TICK_TASK
from tasks.base import LoggedTask, WorkTask, worker_name


@shared_task(name=dispatch.EXECUTE_TASK, base=WorkTask, bind=True)
def execute_run(self: Any, *, tenant_id: str, run_id: str) -> None:
    """Evaluate one run; a duplicate delivery changes nothing."""
    execute(tenant_id=UUID(tenant_id), run_id=UUID(run_id), worker=worker_name(self.request))


@shared_task(name=fan_out.HELP_TASK, base=WorkTask, bind=True)
def help_run(self: Any, *, tenant_id: str, run_id: str) -> None:
    """Count parts of a run's window as long as there are any; coming too late or twice changes nothing."""
    fan_out.help_run(
        tenant_id=UUID(tenant_id), run_id=UUID(run_id), worker=worker_name(self.request)
    )


@shared_task(name=TICK_TASK, base=LoggedTask)
def record_ticks(schedule_ids: list[int]) -> None:
    """Write cron ticks into the ledger; called inside beat, by `TickScheduler`."""
    ticks.record_ticks(schedule_ids)


@shared_task(name=reports.REPORT_TASK, base=WorkTask, acks_late=False, bind=True)
def build_report(self: Any, *, tenant_id: str, report_id: str) -> None:
    """Have Evidently make a report. Acknowledged first, or one that is too large for a worker would come for ever."""
    reports.build_report(
        tenant_id=UUID(tenant_id), report_id=UUID(report_id), worker=worker_name(self.request)
    )


@shared_task(name=backtests.BACKTEST_TASK, base=WorkTask, acks_late=False, bind=True)
def build_backtest(self: Any, *, tenant_id: str, backtest_id: str) -> None:
    """Replay a monitor's past ticks. Acknowledged first, as a report is; the reconciler asks again for a lost one."""
    tenant, backtest = UUID(tenant_id), UUID(backtest_id)
    backtests.build_backtest(
        tenant_id=tenant, backtest_id=backtest, worker=worker_name(self.request)
    )
    settle_backtest(tenant_id=tenant, backtest_id=backtest)


@shared_task(name=STORAGE_TASK, base=LoggedTask)
def measure_storage(*, tenant_id: str) -> None:
    """Measure what a tenant's rows take; a second time changes nothing."""
    measure(tenant_id=UUID(tenant_id))
