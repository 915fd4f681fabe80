"""The scope as PostgreSQL sees it: `app.tenant_id` of the connection."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from structlog.contextvars import get_contextvars

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import NoTenant, current_tenant_id, tenant_scope
from monitors.models import Monitor
from tests.factories import make_monitor

FIRST, SECOND = uuid4(), uuid4()


def on_connection(query: str = "SELECT current_setting('app.tenant_id', true)") -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0] or "")


@pytest.fixture
def pool(committed: None) -> Iterator[None]:
    """Django's connections come from a pool of one, as in production."""
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    options["pool"] = {"min_size": 0, "max_size": 1, "timeout": 10}
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    del options["pool"]


def test_tenant_scope__inside__is_set_for_the_database_and_for_us(committed: None) -> None:
    with tenant_scope(FIRST):
        assert on_connection() == str(FIRST) == str(current_tenant_id())
        assert connection.in_atomic_block


def test_tenant_scope__afterwards__nothing_is_left_on_the_connection(committed: None) -> None:
    with tenant_scope(FIRST):
        process = on_connection("SELECT pg_backend_pid()")
    assert on_connection("SELECT pg_backend_pid()") == process
    assert on_connection() == ""


def test_tenant_scope__afterwards_with_a_pool__nothing_is_left_on_the_connection(
    pool: None,
) -> None:
    with tenant_scope(FIRST):
        process = on_connection("SELECT pg_backend_pid()")
    connection.close()
    assert on_connection("SELECT pg_backend_pid()") == process
    assert on_connection() == ""


def test_tenant_scope__exception__leaves_nothing_and_rolls_back(committed_tenant: Tenant) -> None:
    with pytest.raises(ZeroDivisionError), tenant_scope(committed_tenant.id):
        assert make_monitor().min_rows / 0
    assert on_connection() == ""
    with tenant_scope(committed_tenant.id):
        assert not Monitor.objects.exists()


def test_tenant_scope__database_error__leaves_nothing(committed: None) -> None:
    with pytest.raises(DatabaseError), tenant_scope(FIRST):
        on_connection("SELECT 1 / 0")
    assert on_connection() == ""


def test_tenant_scope__in_another_scope__puts_the_outer_one_back(committed: None) -> None:
    with tenant_scope(FIRST):
        with tenant_scope(SECOND):
            assert on_connection() == str(SECOND) == str(current_tenant_id())
        assert on_connection() == str(FIRST) == str(current_tenant_id())
    assert on_connection() == ""


def test_tenant_scope__in_another_scope_and_failing__puts_the_outer_one_back(
    committed: None,
) -> None:
    with tenant_scope(FIRST):
        with pytest.raises(DatabaseError), tenant_scope(SECOND):
            on_connection("SELECT 1 / 0")
        assert on_connection() == str(FIRST) == str(current_tenant_id())


def test_tenant_scope__in_another_scope_and_marked_to_roll_back__puts_the_outer_one_back(
    committed: None,
) -> None:
    with tenant_scope(FIRST):
        with tenant_scope(SECOND):
            transaction.set_rollback(True)
        assert on_connection() == str(FIRST)


def test_tenant_scope__in_a_plain_transaction__sets_nothing_back(committed: None) -> None:
    with transaction.atomic():
        with tenant_scope(FIRST):
            pass
        assert on_connection() == ""


def test_tenant_scope__logs__name_the_tenant_inside_only(committed: None) -> None:
    with tenant_scope(FIRST):
        assert get_contextvars()["tenant_id"] == str(FIRST)
    assert "tenant_id" not in get_contextvars()


def test_current_tenant_id__outside__raises() -> None:
    with pytest.raises(NoTenant):
        current_tenant_id()


def test_current_tenant_id__in_another_thread__raises(committed: None) -> None:
    with tenant_scope(FIRST), ThreadPoolExecutor(1) as threads, pytest.raises(NoTenant):
        threads.submit(current_tenant_id).result()


@pytest.mark.django_db
def test_tenant_scope__two_tenants__each_shows_its_own_rows(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    def names(tenant_id: UUID) -> list[str]:
        with tenant_scope(tenant_id):
            return list(Monitor.objects.values_list("name", flat=True))

    for each in (tenant, other_tenant):
        with tenant_scope(each.id):
            make_monitor(name=f"Of {each.slug}")
    assert (names(tenant.id), names(other_tenant.id)) == (["Of acme"], ["Of rival"])
