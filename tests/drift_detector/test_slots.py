"""One tenant leaves a slot of the workers to the others; Valkey is real, and the tests write to it as workers do."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import redis

from detections.ledger import dispatch
from detections.ledger import runs as ledger
from detections.models import DetectionRun
from drift_detector import slots
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_monitor, make_run

pytestmark = pytest.mark.usefixtures("empty_broker")


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    slots.forget()
    yield
    slots.forget()
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        client.delete(slots.SLOTS_KEY, slots.TENANTS_KEY)


@pytest.fixture
def override_runs(override: Callable[..., None]) -> Callable[..., None]:
    return lambda **values: override(runs=values)


def workers_have(*numbers: int) -> None:
    for position, number in enumerate(numbers):
        slots.publish_slots(f"worker-{position}", number)
    slots.forget()


def two_tenants() -> None:
    for _ in range(2):
        slots.note_tenant(uuid4())
    slots.forget()


@pytest.mark.parametrize(
    ("numbers", "most"), [((), 16), ((1,), 16), ((2,), 1), ((1, 1), 1), ((4, 4), 7), ((40,), 16)]
)
def test_most_at_work__slots_of_all_workers__leaves_one_free(
    numbers: tuple[int, ...], most: int
) -> None:
    two_tenants()
    workers_have(*numbers)
    assert slots.most_at_work() == most


def test_most_at_work__one_tenant__may_fill_the_workers() -> None:
    workers_have(2)
    slots.note_tenant(uuid4())
    assert slots.most_at_work() == 16


def test_most_at_work__setting_of_zero__turns_the_rule_off(
    override_runs: Callable[..., None],
) -> None:
    two_tenants()
    workers_have(2)
    override_runs(leave_free=0)
    assert slots.most_at_work() == 16


def test_most_at_work__worker_that_has_gone__does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_tenants()
    workers_have(2, 2)
    monkeypatch.setattr(slots, "WORKER_SECONDS", -1)
    assert slots.most_at_work() == 16


def test_claim_run__two_slots__second_run_of_the_tenant_waits(
    in_tenant: Tenant,
) -> None:
    two_tenants()
    workers_have(2)
    monitor = make_monitor()
    first, second = make_run(monitor), make_run(monitor, week=2)
    assert claim(first) is not None
    assert claim(second) is None


def test_enqueue_due__two_slots__sends_one_run(in_tenant: Tenant) -> None:
    two_tenants()
    workers_have(2)
    monitor: Monitor = make_monitor()
    make_run(monitor), make_run(monitor, week=2)
    assert dispatch.enqueue_due(in_tenant.id) == 1


def claim(run: DetectionRun) -> object:
    return ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
