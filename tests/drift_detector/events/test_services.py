from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

import jsonschema
import jsonschema_rs
import pytest
from django.db import transaction
from django.utils import timezone

from drift_detector.events.models import OutboxEvent
from drift_detector.events.services import EventType, emit
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import NoTenant, tenant_scope
from tests.drift_detector.events.conftest import data_of
from tests.drift_detector.events.test_schemas import published_schema
from tests.factories import at_once, eventually, rows_of

KEY = uuid4()
EVERY_TYPE = pytest.mark.parametrize("event_type", list(EventType))


def emitted(
    event_type: EventType = EventType.DETECTED, cause: UUID | None = None, **changes: Any
) -> OutboxEvent:
    emit(event_type, cause=cause or uuid4(), key=KEY, data=data_of(event_type, KEY) | changes)
    return OutboxEvent.objects.latest("id")


@EVERY_TYPE
def test_emit__any_type__matches_its_published_schema(
    in_tenant: Tenant, event_type: EventType
) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(
        published_schema(event_type), format_checker=checker
    )
    assert list(validator.iter_errors(emitted(event_type).envelope)) == []


@EVERY_TYPE
def test_emit__any_type__is_a_cloudevent(in_tenant: Tenant, event_type: EventType) -> None:
    """CloudEvents 1.0: required attributes non-empty, names of lower-case letters and digits, time as RFC 3339."""
    envelope = emitted(event_type).envelope
    assert envelope["specversion"] == "1.0"
    assert all(
        isinstance(envelope[name], str) and envelope[name] for name in ("id", "source", "type")
    )
    assert all(name.isascii() and name.isalnum() and name == name.lower() for name in envelope)
    assert abs(datetime.fromisoformat(envelope["time"]) - timezone.now()) < timedelta(minutes=1)
    assert envelope["datacontenttype"] == "application/json"


@EVERY_TYPE
def test_emit__row__agrees_with_its_envelope(in_tenant: Tenant, event_type: EventType) -> None:
    event = emitted(event_type)
    assert (event.topic, event.envelope["type"]) == (event_type.value, event_type.value)
    assert (str(event.event_id), str(event.key)) == (
        event.envelope["id"],
        event.envelope["subject"],
    )
    assert (event.tenant_id, event.envelope["tenantid"]) == (in_tenant.id, str(in_tenant.id))
    assert event.published_at is None
    assert (event.seq, event.partition) == (event.envelope["seq"], int(str(event.key)[-1], 16))


def test_emit__numbers_and_text__are_kept_exactly(in_tenant: Tenant) -> None:
    (feature,) = emitted().envelope["data"]["drifted_features"]
    assert feature["statistic"] == 0.30000000000000004
    assert (feature["feature"], feature["p_value"], feature["effect_size"]) == (
        "délai",
        None,
        1e-300,
    )


def test_emit__same_cause_twice__is_one_event(in_tenant: Tenant) -> None:
    cause = uuid4()
    first = emitted(cause=cause)
    emitted(cause=cause)
    assert OutboxEvent.objects.get().event_id == first.event_id == uuid5(cause, "drift.detected")


def test_emit__same_cause_other_type__is_another_event(in_tenant: Tenant) -> None:
    cause = uuid4()
    found = {emitted(event_type, cause).event_id for event_type in EventType}
    assert len(found) == len(EventType)


def test_emit__transaction_rolls_back__event_is_gone(tenant: Tenant) -> None:
    with pytest.raises(RuntimeError), tenant_scope(tenant.id):  # noqa: PT012
        emitted()
        raise RuntimeError
    with tenant_scope(tenant.id):
        assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"severity": "catastrophic"},
        {"rows": -1},
        {"rows": "many"},
        {"baseline_version": -1},
        {"methods": ["Tea leaves"]},
        {"run_id": "not a uuid"},
        {"window_start": "yesterday"},
        {"drifted_features": [{"feature": "delay"}]},
        {"monitor_name": None},
    ],
)
def test_emit__broken_data__is_refused(in_tenant: Tenant, broken: dict[str, Any]) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        emitted(**broken)
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize("missing", ["monitor_id", "run_id", "severity", "rows"])
def test_emit__field_missing__is_refused(in_tenant: Tenant, missing: str) -> None:
    data = data_of(EventType.DETECTED, KEY)
    del data[missing]
    with pytest.raises(jsonschema_rs.ValidationError, match=missing):
        emit(EventType.DETECTED, cause=uuid4(), key=KEY, data=data)


def test_emit__outside_a_tenants_scope__is_refused(tenant: Tenant) -> None:
    with pytest.raises(NoTenant):
        emit(EventType.DETECTED, cause=uuid4(), key=KEY, data=data_of(EventType.DETECTED, KEY))


def test_emit__several_of_one_monitor__are_numbered_from_one_over_all_types(
    in_tenant: Tenant,
) -> None:
    assert [emitted(event_type).seq for event_type in EventType] == [1, 2, 3, 4, 5]


def test_emit__another_monitor_or_tenant__has_its_own_numbers(
    in_tenant: Tenant, other_tenant: Tenant
) -> None:
    emitted()
    emit(
        EventType.DETECTED,
        cause=uuid4(),
        key=(other := uuid4()),
        data=data_of(EventType.DETECTED, other),
    )
    assert OutboxEvent.objects.get(key=other).seq == 1
    with tenant_scope(other_tenant.id):
        assert emitted().seq == 1


def test_emit__same_cause_twice__uses_up_no_number(in_tenant: Tenant) -> None:
    cause = uuid4()
    assert [emitted(cause=cause).seq for _ in range(3)] == [1, 1, 1]
    assert emitted().seq == 2


def test_emit__transaction_rolls_back__leaves_no_gap(in_tenant: Tenant) -> None:
    emitted()
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        emitted()
        raise RuntimeError
    assert emitted().seq == 2


def in_own_transaction(tenant: Tenant, times: int = 1, cause: UUID | None = None) -> None:
    for _ in range(times):
        with tenant_scope(tenant.id):
            emitted(cause=cause)


def test_emit__two_connections_at_once__number_without_gaps_in_the_order_of_rows(
    committed_tenant: Tenant,
) -> None:
    at_once(*[partial(in_own_transaction, committed_tenant, 20)] * 2)
    query = "SELECT seq, (envelope ->> 'seq')::int FROM drf_outbox ORDER BY id"
    assert rows_of(committed_tenant.id, query) == [(number, number) for number in range(1, 41)]


def test_emit__same_event_on_two_connections_at_once__is_one_event(
    committed_tenant: Tenant,
) -> None:
    at_once(*[partial(in_own_transaction, committed_tenant, 5, uuid4())] * 2)
    in_own_transaction(committed_tenant)
    assert rows_of(committed_tenant.id, "SELECT seq FROM drf_outbox ORDER BY id") == [(1,), (2,)]


def test_emit__earlier_one_not_committed__waits_for_it(committed_tenant: Tenant) -> None:
    """Else a relay could publish the second before it can see the first."""
    waiting = """SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE NOT granted AND datname = current_database()"""
    in_own_transaction(committed_tenant)
    with ThreadPoolExecutor(1) as other:
        with tenant_scope(committed_tenant.id):
            emitted()
            second = other.submit(at_once, partial(in_own_transaction, committed_tenant))
            eventually(lambda: rows_of(committed_tenant.id, waiting))
            assert OutboxEvent.objects.count() == 2
        second.result(60)
    assert rows_of(committed_tenant.id, "SELECT seq FROM drf_outbox ORDER BY id") == [
        (1,),
        (2,),
        (3,),
    ]


def test_outbox__other_tenant__sees_nothing(in_tenant: Tenant, other_tenant: Tenant) -> None:
    emitted()
    with tenant_scope(other_tenant.id):
        assert not OutboxEvent.objects.exists()
