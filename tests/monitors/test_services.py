"""Baselines over real files; what was frozen is compared with what the files hold."""

import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.utils import timezone

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines import builds
from monitors.baselines.builds import release_build
from monitors.models import Baseline, Monitor
from monitors.sources import LazyWindow, open_window
from tests.data import ROWS_PER_WEEK, TIMESTAMPS
from tests.factories import (
    at_once,
    eventually,
    make_flights_monitor,
    make_monitor,
    rows_of,
    wake_ups,
)


def build(baseline: Baseline) -> UUID | None:
    return builds.build_baseline(
        tenant_id=baseline.tenant_id, baseline_id=baseline.id, worker="worker-1"
    )


def newest(monitor: Monitor) -> Baseline:
    return monitor.baselines.order_by("-version")[0]


def test_build_baseline__weeks_of_the_reference__are_read_and_no_others(
    in_tenant: Tenant, flights: Path
) -> None:
    baseline = newest(make_flights_monitor(flights))
    assert (baseline.status, baseline.rows, baseline.reason) == ("ready", 2 * ROWS_PER_WEEK, "")
    assert baseline.features == {
        "delay": "numeric",
        "distance": "numeric",
        "carrier": "categorical",
    }


def test_build_baseline__ready__says_what_it_is(in_tenant: Tenant, flights: Path) -> None:
    baseline = newest(make_flights_monitor(flights))
    assert baseline.content is not None
    assert baseline.size_bytes == len(baseline.content) > 0
    assert len(bytes.fromhex(baseline.content_hash)) == sha256().digest_size
    assert baseline.built_at is not None
    assert baseline.built_at > baseline.created_at


def test_build_baseline__same_data_twice__has_the_same_content(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_flights_monitor(flights)
    build(builds.request_baseline(monitor=monitor))
    second, first = monitor.baselines.order_by("-version")
    assert (second.version, first.version) == (2, 1)
    assert (second.content_hash, bytes(second.content or b"")) == (
        first.content_hash,
        bytes(first.content or b""),
    )


def test_build_baseline__again__keeps_the_first(in_tenant: Tenant, flights: Path) -> None:
    monitor = make_flights_monitor(flights)
    before = Baseline.objects.values().get()
    (flights / "week0.parquet").unlink()
    assert build(newest(monitor)) is None
    assert Baseline.objects.values().get() == before


def test_build_baseline__by_two_workers_at_once__one_wins(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
        baseline = newest(monitor)
    results = at_once(lambda: build(baseline), lambda: build(baseline))
    assert sorted(results, key=str) == [monitor.id, None] or sorted(results, key=str) == [
        None,
        monitor.id,
    ]
    assert rows_of(committed_tenant.id, "SELECT status FROM drf_baselines") == [("ready",)]


def test_build_baseline__more_rows_than_are_kept__says_that_it_is_a_sample(
    in_tenant: Tenant, flights: Path, override: Callable[..., None]
) -> None:
    override(data={"max_reference_rows": 100})
    baseline = newest(make_flights_monitor(flights))
    assert (baseline.is_sampled, baseline.rows) == (True, 2 * ROWS_PER_WEEK)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reference_start": TIMESTAMPS[3].replace(year=2030), "reference_end": None}, "no rows"),
        ({"feature_columns": ["altitude"]}, "no column altitude"),
        ({"reference_data_uri": "/etc/passwd"}, "outside the folders"),
        ({"timestamp_column": "delay"}, "delay"),
    ],
)
def test_build_baseline__reference_of_no_use__fails_with_the_reason(
    in_tenant: Tenant, flights: Path, change: dict[str, Any], reason: str
) -> None:
    monitor = make_monitor(
        **{"reference_data_uri": str(flights), "reference_start": TIMESTAMPS[0], **change}
    )
    assert build(newest(monitor)) == monitor.id
    baseline = newest(monitor)
    assert baseline.status == "failed"
    assert reason in baseline.reason


def test_build_baseline__failed__is_not_tried_again(in_tenant: Tenant, flights: Path) -> None:
    monitor = make_monitor(reference_data_uri=str(flights.parent / "later"))
    build(newest(monitor))
    flights.rename(flights.parent / "later")
    assert build(newest(monitor)) is None
    assert newest(monitor).status == "failed"


@pytest.fixture
def store_away(override: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 endpoint without a server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "service")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        data = {
            "allowed_object_stores": ["s3://lake/"],
            "s3_endpoint": endpoint,
            "s3_region": "us-east-1",
        }
        override(data=data, runs={"max_attempts": 2})
        yield


@pytest.mark.usefixtures("store_away")
def test_build_baseline__store_away__is_tried_again_and_fails_after_the_last_attempt(
    in_tenant: Tenant,
) -> None:
    monitor = make_monitor(reference_data_uri="s3://lake/flights")
    seen = []
    for _ in range(3):
        Baseline.objects.update(not_before=None)  # as if the rest was over
        answer = build(newest(monitor))
        seen.append((answer, newest(monitor).status, newest(monitor).attempt))
    assert seen == [(None, "building", 1), (monitor.id, "failed", 2), (None, "failed", 2)]
    assert "did not answer" in newest(monitor).reason


def test_build_baseline__while_it_reads__no_transaction_is_open(
    committed_tenant: Tenant, flights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(committed_tenant.id):
        baseline = newest(make_monitor(reference_data_uri=str(flights)))
    seen = []

    def look_and_read(*args: Any, **options: Any) -> LazyWindow:
        seen.append(connection.in_atomic_block)
        return open_window(*args, **options)

    monkeypatch.setattr(builds, "open_window", look_and_read)
    build(baseline)
    assert seen == [False]


def test_build_baseline__of_another_tenant__is_not_found(
    in_tenant: Tenant, other_tenant: Tenant, flights: Path
) -> None:
    monitor = make_monitor(reference_data_uri=str(flights))
    assert (
        builds.build_baseline(
            tenant_id=other_tenant.id, baseline_id=newest(monitor).id, worker="worker-1"
        )
        is None
    )
    assert newest(monitor).status == "building"


def test_build_baseline__monitor_removed_meanwhile__writes_nothing(
    committed_tenant: Tenant, flights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(reference_data_uri=str(flights))
        baseline = newest(monitor)

    def remove_and_read(*args: Any, **options: Any) -> LazyWindow:
        with tenant_scope(committed_tenant.id):
            Monitor.objects.get(id=monitor.id).delete()
        return open_window(*args, **options)

    monkeypatch.setattr(builds, "open_window", remove_and_read)
    assert build(baseline) is None


def test_request_baseline__at_once__versions_are_counted_through(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()

    def ask() -> int:
        with tenant_scope(committed_tenant.id):
            return builds.request_baseline(monitor=monitor).version

    assert sorted(at_once(ask, ask, ask)) == [2, 3, 4]


def test_build_baseline__file_of_another_type_appears__fails_with_the_reason(
    in_tenant: Tenant, flights: Path
) -> None:
    late = {"departs_at": [TIMESTAMPS[0]], "delay": ["late"]}
    pq.write_table(pa.table(late), flights / "week9.parquet")
    monitor = make_flights_monitor(flights)
    assert newest(monitor).status == "failed"
    assert "delay" in newest(monitor).reason


def test_build_baseline__two_workers_at_once__one_reads(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        baseline = newest(make_monitor(reference_data_uri=str(flights)))
    answers = at_once(lambda: build(baseline), lambda: build(baseline))
    assert sorted(map(str, answers)) == sorted(["None", str(baseline.monitor_id)])
    assert rows_of(committed_tenant.id, "SELECT status, attempt FROM drf_baselines") == [
        ("ready", 1)
    ]


def test_request_baseline__more_than_the_tenants_limit__wait_for_the_end_of_one(
    committed_tenant: Tenant, override: Callable[..., None], empty_broker: None
) -> None:
    override(runs={"max_per_tenant": 2})
    with tenant_scope(committed_tenant.id):
        ids = [str(newest(make_monitor()).id) for _ in range(4)]

    def called() -> list[str]:
        return [each["baseline_id"] for each in wake_ups("monitors.build_baseline")]

    assert called() == ids[:2]
    for number in (1, 0, 2):
        with tenant_scope(committed_tenant.id):
            baseline = Baseline.objects.get(id=ids[number])
        build(baseline)
    assert called() == ids


def test_build_baseline__takes_long__keeps_its_lease(
    committed_tenant: Tenant,
    flights: Path,
    override: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    override(runs={"heartbeat_seconds": 0.02})
    really = builds._freeze

    def leased_until() -> datetime:
        ((moment,),) = rows_of(committed_tenant.id, "SELECT lease_expires_at FROM drf_baselines")
        assert isinstance(moment, datetime)
        return moment

    def freeze_when_renewed(*arguments: Any) -> dict[str, Any]:
        first = leased_until()
        eventually(lambda: leased_until() > first)
        return really(*arguments)

    monkeypatch.setattr(builds, "_freeze", freeze_when_renewed)
    with tenant_scope(committed_tenant.id):
        baseline = newest(make_monitor(reference_data_uri=str(flights)))
    assert build(baseline) == baseline.monitor_id


def test_build_baseline__lease_ran_out__another_builds_and_the_first_records_nothing(
    in_tenant: Tenant, flights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_monitor(reference_data_uri=str(flights))
    really = builds._freeze
    answers: list[UUID | None] = []

    def freeze(*arguments: Any) -> dict[str, Any]:
        if not answers:
            Baseline.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
            answers.append(None)
            answers.append(build(newest(monitor)))
        return really(*arguments)

    monkeypatch.setattr(builds, "_freeze", freeze)
    assert build(newest(monitor)) is None
    assert answers == [None, monitor.id]
    assert (newest(monitor).status, newest(monitor).attempt) == ("ready", 2)


def test_release_build__in_the_middle__another_may_begin_at_once(
    in_tenant: Tenant,
    flights: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monitor = make_monitor(reference_data_uri=str(flights))
    ids = {"tenant_id": monitor.tenant_id, "baseline_id": newest(monitor).id}

    def stopped(*_: Any) -> dict[str, Any]:
        with django_capture_on_commit_callbacks(execute=True):
            release_build(**ids, worker="worker-1")
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(builds, "_freeze", stopped)
        with pytest.raises(SystemExit):
            build(newest(monitor))
    assert (newest(monitor).status, newest(monitor).attempt, newest(monitor).lease_token) == (
        "building",
        0,
        None,
    )
    assert {name: str(value) for name, value in ids.items()} in wake_ups("monitors.build_baseline")
    assert build(newest(monitor)) == monitor.id


def test_release_build__another_worker_has_it_by_now__changes_nothing(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_monitor(reference_data_uri=str(flights))
    lease = {"lease_token": uuid4(), "lease_expires_at": timezone.now() + timedelta(minutes=1)}
    Baseline.objects.update(attempt=2, worker="worker-2", **lease)
    release_build(tenant_id=monitor.tenant_id, baseline_id=newest(monitor).id, worker="worker-1")
    assert (newest(monitor).attempt, newest(monitor).lease_token) == (2, lease["lease_token"])


def test_release_build__has_been_built__changes_nothing(in_tenant: Tenant, flights: Path) -> None:
    monitor = make_flights_monitor(flights)
    release_build(tenant_id=monitor.tenant_id, baseline_id=newest(monitor).id, worker="worker-1")
    assert (newest(monitor).status, newest(monitor).attempt) == ("ready", 1)


def test_build_baseline__worker_lost_each_time__fails_after_the_last_attempt(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_monitor(reference_data_uri=str(flights))
    Baseline.objects.update(attempt=3)
    assert build(newest(monitor)) == monitor.id
    assert (newest(monitor).status, newest(monitor).reason) == (
        "failed",
        "The worker stopped answering.",
    )
