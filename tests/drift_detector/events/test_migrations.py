"""Events of before the relay had partitions and numbers."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command

from drift_detector.tenancy.models import Tenant
from tests.conftest import connected_as, role_url
from tests.factories import rows_of

EARLIER = """INSERT INTO drf_outbox
                 (tenant_id, event_id, topic, key, envelope, created_at, published_at, attempts, last_error)
             VALUES (%s, gen_random_uuid(), 'drift.detected', %s, '{"specversion": "1.0"}', now(), %s, 0, '')"""


def migrate(*where: str) -> None:
    with connected_as(role_url("owner")):
        call_command("migrate", *where, verbosity=0)


@pytest.fixture
def before(committed_tenant: Tenant) -> Iterator[Tenant]:
    """The tables as the first migration made them."""
    migrate("events", "0001")
    yield committed_tenant
    migrate()  # with those of other apps that came after it


def test_relay_migration__events_of_before__are_numbered_by_key_and_have_their_partition(
    before: Tenant,
) -> None:
    first, second = (f"{str(uuid4())[:-1]}{digit}" for digit in "3f")
    with psycopg.connect(role_url("owner")) as owner:
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(before.id)])
        for key, published in [(first, "2024-01-01"), (second, None), (first, None)]:
            owner.execute(EARLIER, [before.id, key, published])
    migrate("events", "0002")
    query = "SELECT key::text, partition, seq, envelope FROM drf_outbox ORDER BY id"
    assert rows_of(before.id, query) == [
        (first, 3, 1, {"specversion": "1.0", "seq": 1}),
        (second, 15, 1, {"specversion": "1.0", "seq": 1}),
        (first, 3, 2, {"specversion": "1.0", "seq": 2}),
    ]
    counters = rows_of(before.id, "SELECT key::text, seq FROM drf_outbox_keys")
    assert sorted(counters) == sorted([(first, 2), (second, 1)])
    assert rows_of(uuid4(), query) == []
