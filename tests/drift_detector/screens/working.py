"""Does what workers would do for the pages of a test: jobs, baselines and backtests, one after another."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

from detections.backtests.services import build_backtest
from detections.models import Backtest
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.builds import build_baseline
from monitors.jobs.services import answer_job
from monitors.models import Baseline, Job

WORKER = "worker-1"
MOST_QUERIES = 16


def work(tenant: Tenant) -> None:
    """Answer all jobs of a tenant, build its baselines, and judge its backtests."""
    with tenant_scope(tenant.id):
        jobs = list(Job.objects.filter(finished_at=None).order_by("created_at"))
    for job in jobs:
        answer_job(tenant_id=tenant.id, job_id=job.id, worker=WORKER)
    with tenant_scope(tenant.id):
        baselines = list(Baseline.objects.filter(status="building").values_list("id", flat=True))
    for baseline in baselines:
        build_baseline(tenant_id=tenant.id, baseline_id=baseline, worker=WORKER)
    with tenant_scope(tenant.id):
        backtests = list(Backtest.objects.filter(status="running").values_list("id", flat=True))
    for backtest in backtests:
        build_backtest(tenant_id=tenant.id, backtest_id=backtest, worker=WORKER)


@contextmanager
def few_queries() -> Iterator[None]:
    """No more queries than a page may send; the savepoints are those of the test's own transaction."""
    with CaptureQueriesContext(connection) as sent:
        yield
    queries = [each["sql"] for each in sent.captured_queries if "SAVEPOINT" not in each["sql"]]
    assert len(queries) <= MOST_QUERIES, "\n".join(queries)
