"""The last use of a key: noted once a minute, also when many processes see it at once, and never waited for."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.tenancy.key_use import note_use
from drift_detector.tenancy.models import ApiKey, Scope, Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import Lifetime, create_api_key
from tests.conftest import role_url

URL = "/api/v1/quotas"


@pytest.fixture
def client(in_tenant: Tenant) -> APIClient:
    _, key = create_api_key(name="ci", scopes=[Scope.MONITORS_READ])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def writes_of(client: APIClient) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(URL).status_code == 200
    return sum('UPDATE "drf_api_keys"' in each["sql"] for each in queries)


def test_use__first__is_noted_with_its_address(client: APIClient) -> None:
    assert ApiKey.objects.get().last_used_at is None
    client.get(URL, REMOTE_ADDR="203.0.113.9")
    key = ApiKey.objects.get()
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < timedelta(minutes=1)
    assert key.last_used_from == "203.0.113.9"


def test_use__again_within_a_minute__writes_nothing(client: APIClient) -> None:
    assert writes_of(client) == 1
    assert [writes_of(client) for _ in range(3)] == [0, 0, 0]


def test_use__a_minute_later__is_noted_again(client: APIClient) -> None:
    client.get(URL)
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    assert writes_of(client) == 1


def test_use__by_many_processes_at_once__is_noted_once(committed_tenant: Tenant) -> None:
    soon = Lifetime(timezone.now() + timedelta(days=3))
    with tenant_scope(committed_tenant.id):
        key, _ = create_api_key(name="ci", scopes=[Scope.MONITORS_READ], lifetime=soon)
    start = threading.Barrier(8)

    def use() -> None:
        start.wait()
        note_use(key, "203.0.113.9")
        connection.close()

    with capture_logs() as logs:
        threads = [threading.Thread(target=use) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    # The one that notes the use says that the key expires soon.
    assert [each["event"] for each in logs] == ["api_key_expires_soon"]


def test_use__row_locked_by_another__does_not_wait(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        key, _ = create_api_key(name="ci", scopes=[Scope.MONITORS_READ])
    with psycopg.connect(role_url("web")) as other:
        other.execute("SELECT set_config('app.tenant_id', %s, true)", [str(committed_tenant.id)])
        other.execute("UPDATE drf_api_keys SET name = 'busy'")
        began = timezone.now()
        note_use(key, "203.0.113.9")
        assert timezone.now() - began < timedelta(seconds=2)
        other.rollback()
    with tenant_scope(committed_tenant.id):
        assert ApiKey.objects.get().last_used_at is None


@pytest.mark.parametrize(("days", "warnings"), [(29, 1), (31, 0)])
def test_use__of_a_key_that_expires_soon__warns_once_a_day(
    in_tenant: Tenant, days: int, warnings: int
) -> None:
    end = Lifetime(timezone.now() + timedelta(days=days))
    key, _ = create_api_key(name="ci", scopes=[Scope.ADMIN], lifetime=end)
    with capture_logs() as logs:
        note_use(key, "203.0.113.9")
        two_minutes_ago = timezone.now() - timedelta(minutes=2)
        ApiKey.objects.update(last_used_at=two_minutes_ago)
        key.refresh_from_db()
        note_use(key, "203.0.113.9")
    said = [each for each in logs if each["event"] == "api_key_expires_soon"]
    at_midnight = two_minutes_ago.date() < timezone.now().date()
    assert len(said) == warnings * (2 if at_midnight else 1)
