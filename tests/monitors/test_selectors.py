"""Reads of monitors and baselines."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from drift_detector.setting_groups.data_settings import ConnectionSetting
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import NoTenant
from monitors import selectors
from monitors.baselines import builds
from tests.factories import make_flights_monitor, make_monitor


def test_list_monitors__several_versions__has_the_newest_of_each(in_tenant: Tenant) -> None:
    first, second = make_monitor(name="A"), make_monitor(name="B")
    builds.request_baseline(monitor=first)
    found = {each.id: selectors.get_latest_baseline(each) for each in selectors.list_monitors()}
    assert {each: latest and latest.version for each, latest in found.items()} == {
        first.id: 2,
        second.id: 1,
    }


def test_list_monitors__any_number__takes_two_queries(in_tenant: Tenant) -> None:
    for _ in range(3):
        make_monitor()
    with CaptureQueriesContext(connection) as captured:
        assert len([selectors.get_latest_baseline(each) for each in selectors.list_monitors()]) == 3
    assert len(captured) == 2


def test_list__baselines__leaves_the_content_where_it_is(in_tenant: Tenant, flights: Path) -> None:
    monitor = make_flights_monitor(flights)
    with CaptureQueriesContext(connection) as captured:
        assert selectors.list_baselines(monitor.id).get().size_bytes > 0
        assert selectors.get_current_baseline(monitor.id) is not None
    assert not any('"content",' in each["sql"] for each in captured)


def test_get_current_baseline__newer_one_is_building__is_the_ready_one(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = make_flights_monitor(flights)
    builds.request_baseline(monitor=monitor)
    current, latest = (
        selectors.get_current_baseline(monitor.id),
        selectors.get_latest_baseline(monitor),
    )
    assert current is not None
    assert latest is not None
    assert (current.version, latest.version) == (1, 2)


def test_get_current_baseline__none_is_ready__is_none(in_tenant: Tenant) -> None:
    assert selectors.get_current_baseline(make_monitor().id) is None


def test_get_source_policy__placeholder__is_the_tenants_own_folder(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(
        data={"allowed_roots": ["/data/{tenant}"], "allowed_object_stores": ["s3://lake/{tenant}/"]}
    )
    policy = selectors.get_source_policy()
    assert policy.allowed_roots == ("/data/acme",)
    assert policy.allowed_object_stores == ("s3://lake/acme/",)


@pytest.mark.django_db
def test_get_source_policy__outside_a_scope__raises() -> None:
    with pytest.raises(NoTenant):
        selectors.get_source_policy()


def test_get_source_policy__connection__has_the_secret_of_the_tenant(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    secrets = {"access_key": "env:ID_{tenant}", "secret_key": "file:/run/{tenant}/key"}
    lake = ConnectionSetting(name="lake", store="s3://lake/{tenant}", secrets=secrets)
    override(data={"connections": [lake]})
    (found,) = selectors.get_source_policy().connections
    assert found.store == f"s3://lake/{in_tenant.slug}"
    assert found.secrets["secret_key"] == f"file:/run/{in_tenant.slug}/key"
    assert found.is_filled
