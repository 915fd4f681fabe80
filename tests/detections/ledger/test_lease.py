"""The heartbeat runs in a thread on its own connection, so these tests commit."""

import os
from collections.abc import Callable
from datetime import datetime
from threading import enumerate as running_threads
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from detections.ledger.runs import Claim
from detections.models import DetectionRun
from drift_detector.lease import kept_lease
from tests.drift_detector.samples import sample
from tests.factories import eventually, expire_lease, rows_of, take


@pytest.fixture
def claim(committed_run: DetectionRun, override: Callable[..., None]) -> Claim:
    override(runs={"heartbeat_seconds": 0.02})
    return take(committed_run)


def expires_at(claim: Claim) -> datetime:
    ((moment,),) = rows_of(claim.tenant_id, "SELECT lease_expires_at FROM drf_runs")
    assert isinstance(moment, datetime)
    return moment


def is_beating() -> bool:
    return any(thread.name == "heartbeat" for thread in running_threads())


def test_kept_lease__while_working__is_renewed_again_and_again(claim: Claim) -> None:
    before = expires_at(claim)
    with kept_lease(claim.lease.renew):
        eventually(lambda: expires_at(claim) > before)
        first = expires_at(claim)
        assert eventually(lambda: expires_at(claim) > first)


def test_kept_lease__already_expired__is_ours_again(
    claim: Claim, committed_run: DetectionRun
) -> None:
    expire_lease(committed_run)
    with kept_lease(claim.lease.renew):
        assert eventually(lambda: expires_at(claim) > timezone.now())


def test_kept_lease__work_done__beats_no_more(claim: Claim) -> None:
    with kept_lease(claim.lease.renew):
        assert is_beating()
    assert not is_beating()


def test_kept_lease__work_fails__beats_no_more(claim: Claim) -> None:
    with pytest.raises(RuntimeError, match="work"), kept_lease(claim.lease.renew):
        raise RuntimeError("work")
    assert not is_beating()


def test_kept_lease__lost_to_another__stops_and_leaves_it_alone(
    claim: Claim, committed_run: DetectionRun
) -> None:
    expire_lease(committed_run)
    thief = take(committed_run, "thief")
    before, losses = expires_at(claim), sample("drift_lease_losses_total", noticed_by="worker")
    with kept_lease(claim.lease.renew):
        eventually(lambda: not is_beating())
    assert sample("drift_lease_losses_total", noticed_by="worker") == losses + 1
    assert expires_at(claim) == before
    assert rows_of(claim.tenant_id, "SELECT lease_token FROM drf_runs") == [(thief.token,)]


def end_connections_of_the_service() -> bool:
    """Whether there was one; only the service's own role may end them."""
    url = (
        urlsplit(os.environ["AUMOS_DRIFT_DATABASE__URL"])
        ._replace(path=f"/{connection.settings_dict['NAME']}")
        .geturl()
    )
    end = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user
             AND datname = current_database() AND pid <> pg_backend_pid()"""
    with psycopg.connect(url, autocommit=True) as service:
        return bool(service.execute(end).fetchall())


def test_kept_lease__connection_breaks__a_later_beat_renews(claim: Claim) -> None:
    connection.close()
    with kept_lease(claim.lease.renew):
        eventually(end_connections_of_the_service)
        broken = expires_at(claim)
        assert eventually(lambda: expires_at(claim) > broken)
