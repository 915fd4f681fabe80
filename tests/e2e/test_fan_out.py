"""A worker that dies while it helps with another's window."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery
from django.conf import settings

from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.builds import build_baseline
from tests.conftest import role_url
from tests.e2e.conftest import REDIS_DATABASE, launch, stopped_together, wait_until
from tests.e2e.data import FILES, ROWS, write_many_rows
from tests.e2e.test_draining import WORKER, send
from tests.factories import make_monitor, make_run, rows_of

pytestmark = pytest.mark.slow
PARTS = "SELECT position, attempt, profile IS NOT NULL, worker, lease_token IS NOT NULL FROM drf_run_parts ORDER BY 1"


@pytest.fixture
def run(committed_tenant: Tenant, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> DetectionRun:
    """A queued run over many files, each a part for the workers started from here on, whose leases are short."""
    for name, value in {
        "DATA__STREAM_BYTES": 1, "DATA__PART_BYTES": 1, "RUNS__LEASE_SECONDS": 6, "RUNS__HEARTBEAT_SECONDS": 2,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AUMOS_DRIFT_{name}", str(value))
    current = write_many_rows(data_root / "current")
    uris = {"reference_data_uri": str(current / "0.parquet"), "current_data_uri": str(current)}
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(timestamp_column="", **uris)
        baseline = monitor.baselines.get()
    build_baseline(tenant_id=committed_tenant.id, baseline_id=baseline.id, worker="worker-1")
    with tenant_scope(committed_tenant.id):
        return make_run(monitor)


def parts(run: DetectionRun) -> list[tuple[Any, ...]]:
    return rows_of(run.tenant_id, PARTS)


def kill_while_counting(helper: subprocess.Popen[bytes], name: str, run: DetectionRun) -> int:
    """Kill a worker that has a part, and tell which; it is frozen while that is looked up."""

    def killed() -> list[int]:
        os.killpg(helper.pid, signal.SIGSTOP)
        held = [
            place
            for place, _, is_counted, by, is_held in parts(run)
            if by == name and is_held and not is_counted
        ]
        os.killpg(helper.pid, signal.SIGKILL if held else signal.SIGCONT)
        return [place + 1 for place in held]  # true also of the first

    (place,) = wait_until(killed)
    return int(place) - 1


def test_divided_run__helper_killed_in_the_middle_of_a_part__that_part_alone_is_counted_again(
    run: DetectionRun, tmp_path: Path
) -> None:
    workers = {name: launch("app", [*WORKER, name], tmp_path) for name in ("one@e2e", "two@e2e")}
    broker = Celery(broker=str(settings.ENV.redis.url).rsplit("/", 1)[0] + REDIS_DATABASE)
    with stopped_together() as processes, psycopg.connect(role_url("owner")) as owner:
        try:
            wait_until(lambda: len(broker.control.ping(list(workers), timeout=1)) == len(workers))
            owner.execute(
                "LOCK TABLE drf_detections IN ACCESS EXCLUSIVE MODE"
            )  # the run can't end, nor its parts go
            send(run)
            ((own,),) = wait_until(
                lambda: rows_of(run.tenant_id, "SELECT worker FROM drf_runs WHERE worker <> ''")
            )
            processes.append(workers.pop(own))
            ((name, helper),) = workers.items()
            lost = kill_while_counting(helper, name, run)
        finally:
            for each in workers.values():
                each.kill()
                each.wait()
        found = wait_until(lambda: all(each[2] for each in parts(run)) and parts(run))
        owner.rollback()
        ended = "SELECT status, verdict, rows, attempt FROM drf_runs WHERE finished_at IS NOT NULL"
        assert wait_until(lambda: rows_of(run.tenant_id, ended)) == [
            ("succeeded", "ok", FILES * ROWS, 1)
        ]
    assert {place: attempt for place, attempt, *_ in found} == {
        each: 1 + (each == lost) for each in range(FILES)
    }
