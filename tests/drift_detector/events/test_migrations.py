"""Events of before the relay had partitions and numbers."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from tests.conftest import connected_as, role_url
from tests.databases import new_database
from tests.factories import rows_of

EARLIER = """INSERT INTO drf_outbox
                 (tenant_id, event_id, topic, key, envelope, created_at, published_at, attempts, last_error)
             VALUES (%s, gen_random_uuid(), 'drift.detected', %s, '{"specversion": "1.0"}', now(), %s, 0, '')"""
TENANT = "INSERT INTO drf_tenants (id, slug, name, created_at) VALUES (%s, 'acme', 'Acme', now())"


def migrate(*where: str) -> None:
    with connected_as(role_url("owner")):
        call_command("migrate", *where, verbosity=0)


def become(owner: psycopg.Connection, tenant_id: UUID) -> None:
    """Let a transaction see the rows of a tenant."""
    owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])


@pytest.fixture
def before(django_db_blocker: DjangoDbBlocker, worker_id: str) -> Iterator[UUID]:
    """A tenant in a database whose outbox is as the first migration made it."""
    tenant_id = uuid4()
    with django_db_blocker.unblock(), new_database(f"before_{worker_id}"):
        migrate("events", "0001")
        with psycopg.connect(role_url("owner")) as owner:
            become(owner, tenant_id)
            owner.execute(TENANT, [tenant_id])
        yield tenant_id


def test_relay_migration__events_of_before__are_numbered_by_key_and_have_their_partition(
    before: UUID,
) -> None:
    first, second = (f"{str(uuid4())[:-1]}{digit}" for digit in "3f")
    with psycopg.connect(role_url("owner")) as owner:
        become(owner, before)
        for key, published in [(first, "2024-01-01"), (second, None), (first, None)]:
            owner.execute(EARLIER, [before, key, published])
    migrate("events", "0002")
    query = "SELECT key::text, partition, seq, envelope FROM drf_outbox ORDER BY id"
    assert rows_of(before, query) == [
        (first, 3, 1, {"specversion": "1.0", "seq": 1}),
        (second, 15, 1, {"specversion": "1.0", "seq": 1}),
        (first, 3, 2, {"specversion": "1.0", "seq": 2}),
    ]
    counters = rows_of(before, "SELECT key::text, seq FROM drf_outbox_keys")
    assert sorted(counters) == sorted([(first, 2), (second, 1)])
    assert rows_of(uuid4(), query) == []
