"""The quotas of tenants: what is counted, what is refused, and that many at once take no more than there is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from drift_detector.tenancy import quotas
from drift_detector.tenancy.models import Quota, Role, Tenant, User
from drift_detector.tenancy.quotas import OverQuota, next_midnight
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key, set_quotas
from tests.conftest import connected_as, role_url

Override = Callable[..., None]


def used(quota: Quota) -> int:
    [standing] = quotas.list_standings([quota])
    return standing.used


def set_for(tenant_id: UUID, **limits: int | None) -> None:
    with tenant_scope(tenant_id):
        set_quotas(**limits)


def test_take__up_to_the_quota__is_counted_and_then_refused(in_tenant: Tenant) -> None:
    set_quotas(runs_per_day=3)
    quotas.take(Quota.RUNS, 2)
    quotas.take(Quota.RUNS)
    with pytest.raises(OverQuota) as refusal:
        quotas.take(Quota.RUNS)
    standing = refusal.value.standing
    assert (standing.limit, standing.used, standing.until) == (3, 3, next_midnight())
    assert "3 runs a day has no room for 1 more: 3 are used, until " in str(refusal.value)
    assert used(Quota.RUNS) == 3


def test_take__more_than_is_left__takes_nothing(in_tenant: Tenant) -> None:
    set_quotas(runs_per_day=3)
    quotas.take(Quota.RUNS, 2)
    with pytest.raises(OverQuota):
        quotas.take(Quota.RUNS, 2)
    assert used(Quota.RUNS) == 2


@pytest.mark.parametrize("quota", [Quota.RUNS, Quota.OUTCOME_ROWS])
def test_take__quota_of_zero__is_refused_at_once(in_tenant: Tenant, quota: Quota) -> None:
    set_quotas(**{quota.value: 0})
    with pytest.raises(OverQuota):
        quotas.take(quota)
    assert used(quota) == 0


def test_take__quota_below_what_is_used__keeps_it_and_refuses(in_tenant: Tenant) -> None:
    quotas.take(Quota.RUNS, 5)
    set_quotas(runs_per_day=2)
    with pytest.raises(OverQuota):
        quotas.take(Quota.RUNS)
    assert used(Quota.RUNS) == 5


def test_take__no_quota_of_its_own__is_the_installations(
    in_tenant: Tenant, override: Override
) -> None:
    override(quotas={"runs_per_day": 1})
    set_quotas(monitors=7)
    quotas.take(Quota.RUNS)
    with pytest.raises(OverQuota):
        quotas.take(Quota.RUNS)


def test_take__other_quota_used_up__is_refused_by_that_one(in_tenant: Tenant) -> None:
    set_quotas(bytes_read_per_day=10)
    quotas.take(Quota.RUNS, closed_by=[Quota.BYTES_READ])
    quotas.note(Quota.BYTES_READ, 10)
    with pytest.raises(OverQuota) as refusal:
        quotas.take(Quota.RUNS, closed_by=[Quota.BYTES_READ])
    assert refusal.value.standing.quota is Quota.BYTES_READ


def test_take__next_day__begins_anew(in_tenant: Tenant) -> None:
    set_quotas(runs_per_day=1)
    quotas.take(Quota.RUNS)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drf_usage SET day = day - 1")
    quotas.take(Quota.RUNS)
    assert used(Quota.RUNS) == 1


def test_take__other_tenant__is_not_counted(in_tenant: Tenant, other_tenant: Tenant) -> None:
    set_quotas(runs_per_day=1)
    quotas.take(Quota.RUNS)
    with tenant_scope(other_tenant.id):
        quotas.take(Quota.RUNS)
        assert used(Quota.RUNS) == 1


def test_take__many_at_once__take_exactly_the_quota(committed_tenant: Tenant) -> None:
    set_for(committed_tenant.id, runs_per_day=10)
    together = Barrier(8)

    def tries(_: int) -> int:
        together.wait()
        try:
            return sum(_takes_one(committed_tenant.id) for _ in range(5))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tries, range(8))) == 10
    with tenant_scope(committed_tenant.id):
        assert used(Quota.RUNS) == 10


def _takes_one(tenant_id: UUID) -> bool:
    try:
        with tenant_scope(tenant_id):
            quotas.take(Quota.RUNS)
    except OverQuota:
        return False
    return True


def test_check_room__many_keys_at_once__make_exactly_the_quota(committed_tenant: Tenant) -> None:
    set_for(committed_tenant.id, keys=3)
    together = Barrier(6)

    def make(number: int) -> None:
        together.wait()
        with suppress(OverQuota), tenant_scope(committed_tenant.id):
            create_api_key(name=f"key {number}", scopes=SCOPES[Role.VIEWER])
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make, range(6)))
    with tenant_scope(committed_tenant.id):
        assert used(Quota.KEYS) == 3


def test_take_for_all__by_the_scheduler__gives_each_tenant_what_is_left(
    committed_tenant: Tenant,
) -> None:
    from drift_detector.tenancy.services import create_tenant

    rich, poor = committed_tenant.id, create_tenant(slug="poor", name="Poor").id
    set_for(poor, runs_per_day=2)
    with connected_as(role_url("scheduler")):
        assert quotas.take_for_all(Quota.RUNS, {rich: 9, poor: 1}) == {}
        short = quotas.take_for_all(Quota.RUNS, {rich: 9, poor: 3})
    assert {tenant: each.room for tenant, each in short.items()} == {poor: 1}
    with tenant_scope(poor):
        assert used(Quota.RUNS) == 2
    with tenant_scope(rich):
        assert used(Quota.RUNS) == 18


def test_purge_usage__long_past_days__are_removed(in_tenant: Tenant) -> None:
    quotas.take(Quota.RUNS)
    now = datetime.now(UTC)
    assert quotas.purge_usage(now - timedelta(days=2)) is None
    assert quotas.purge_usage(now + timedelta(days=2)) == 1
    assert used(Quota.RUNS) == 0


def test_get_quotas__viewer__sees_limit_use_and_end(viewer_api: APIClient, tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        set_quotas(runs_per_day=7, monitors=0)
        quotas.take(Quota.RUNS, 2)
    shown = {each["quota"]: each for each in viewer_api.get("/api/v1/quotas").json()}
    assert list(shown) == Quota.values
    until = next_midnight().isoformat().replace("+00:00", "Z")
    assert shown["runs_per_day"] == {
        "quota": "runs_per_day", "limit": 7, "used": 2, "until": until
    }  # fmt: skip
    assert shown["monitors"] == {"quota": "monitors", "limit": 0, "used": 0, "until": None}
    assert shown["keys"]["used"] == 1


def test_get_quotas__written_to__is_not_possible(api: APIClient) -> None:
    assert api.post("/api/v1/quotas", {"runs_per_day": 9}).status_code == 405


def test_admin__quotas__are_shown_and_not_changed(staff: User, tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        set_quotas(runs_per_day=777)
    client = Client()
    client.force_login(staff)
    page = client.get("/admin/tenancy/tenantquota/")
    assert page.status_code == 200
    assert "777" in page.content.decode()
    assert client.get("/admin/tenancy/tenantquota/add/").status_code == 403


def command(*arguments: Any) -> list[str]:
    from io import StringIO

    printed = StringIO()
    call_command("set_quota", *arguments, stdout=printed)
    return printed.getvalue().splitlines()


def test_set_quota__numbers_and_default__are_set_and_shown(tenant: Tenant) -> None:
    lines = command(tenant.id, "runs_per_day=0", "monitors=5")
    assert {"runs_per_day=0 used=0", "monitors=5 used=0"} <= set(lines)
    lines = command(tenant.id, "monitors=default")
    assert {"runs_per_day=0 used=0", "monitors=10000 used=0"} <= set(lines)


@pytest.mark.parametrize("wrong", ["runs=1", "monitors=-1", "monitors", "monitors=x", "keys=1e3"])
def test_set_quota__wrong_quota__is_refused(tenant: Tenant, wrong: str) -> None:
    with pytest.raises(CommandError):
        command(str(tenant.id), wrong)


def test_set_quota__unknown_tenant__is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="There is no tenant"):
        command(UUID(int=7), "monitors=1")
