"""Levels of monitors; the sums are worked out by hand, or by a statement over the monitors themselves."""

from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors import services
from monitors.budgets.levels import Share, get_shares, opening_level
from monitors.budgets.services import put_budget, remove_budget
from monitors.models import BudgetLoad, Monitor
from tests.factories import make_monitor

HOURLY, DAILY = "0 * * * *", "0 6 * * *"
COUNTED = """
    SELECT model_id, sum(runs_per_month * budget_weight), count(*) FROM drf_monitors
    WHERE status = 'active' GROUP BY ROLLUP (model_id) ORDER BY 1
"""


def loads() -> list[tuple[object, float, int]]:
    """The loads that are kept, without models that have no active monitor."""
    kept = BudgetLoad.objects.exclude(monitors=0).order_by("model_id")
    return [(row.model_id, round(float(row.load), 3), row.monitors) for row in kept]


def counted() -> list[tuple[object, float, int]]:
    """The same, from the monitors."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        return [(model, round(load, 3), n) for model, load, n in cursor.fetchall() if n]


def test_opening_level__two_monitors__share_the_budget_by_runs(in_tenant: Tenant) -> None:
    daily = make_monitor(schedule_cron=DAILY)
    hourly = make_monitor(schedule_cron=HOURLY)
    level = 5 / (30.4 + 24 * 30.4)  # the default budget over all runs of a month
    assert opening_level(daily, has_null=True) == pytest.approx(level)
    assert opening_level(hourly, has_null=True) == pytest.approx(level)


def test_opening_level__twice_the_weight__is_twice_the_level(in_tenant: Tenant) -> None:
    light = make_monitor(schedule_cron=HOURLY)
    heavy = make_monitor(schedule_cron=HOURLY, budget_weight=2.0)
    assert opening_level(light, has_null=True) == pytest.approx(5 / (3 * 730), rel=1e-3)
    assert opening_level(heavy, has_null=True) == pytest.approx(2 * 5 / (3 * 730), rel=1e-3)


def test_opening_level__without_null_models__half_a_share(in_tenant: Tenant) -> None:
    make_monitor(schedule_cron=HOURLY)
    unsure = make_monitor(schedule_cron=HOURLY)
    assert opening_level(unsure, has_null=False) == pytest.approx(5 / (2 * 730) / 2, rel=1e-3)


def test_opening_level__few_runs__holds_nothing_back(in_tenant: Tenant) -> None:
    """Of 30.4 runs at most 5 % drift without drift, which is less than 5 alerts."""
    assert opening_level(make_monitor(), has_null=True) is None


def test_opening_level__policy_threshold__takes_nothing(in_tenant: Tenant) -> None:
    hourly = make_monitor(schedule_cron=HOURLY)
    make_monitor(schedule_cron=HOURLY, policy="threshold")
    assert opening_level(hourly, has_null=True) == pytest.approx(5 / (24 * 30.4))


def test_opening_level__tiny_budget__is_tiny(in_tenant: Tenant) -> None:
    monitor = make_monitor(schedule_cron="* * * * *")
    put_budget(None, false_alerts_per_month=0.01, by="user:ana")
    assert opening_level(monitor, has_null=True) == pytest.approx(0.01 / (30.4 * 1440))


@pytest.mark.parametrize(("promised", "level"), [(1.0, 1 / 729.6), (100.0, 5 / 1459.2)])
def test_opening_level__two_budgets__the_stricter_holds(
    in_tenant: Tenant, promised: float, level: float
) -> None:
    monitor = make_monitor(schedule_cron=HOURLY)
    make_monitor(schedule_cron=HOURLY)
    put_budget(monitor.model_id, false_alerts_per_month=promised, by="user:ana")
    assert opening_level(monitor, has_null=True) == pytest.approx(level)


def test_remove_budget__of_a_model__leaves_the_tenants(in_tenant: Tenant) -> None:
    monitor = make_monitor(schedule_cron=HOURLY)
    put_budget(monitor.model_id, false_alerts_per_month=0.1, by="user:ana")
    remove_budget(monitor.model_id)
    assert opening_level(monitor, has_null=True) == pytest.approx(5 / 729.6)


def test_opening_level__paused_monitor__is_as_if_it_ran_once_a_month(in_tenant: Tenant) -> None:
    make_monitor(schedule_cron=HOURLY)
    paused = make_monitor(schedule_cron=HOURLY, status=Monitor.Status.PAUSED)
    assert opening_level(paused, has_null=True) == pytest.approx(5 / 730.6)


def test_loads__monitors_come_change_pause_and_go__are_their_sums(in_tenant: Tenant) -> None:
    model = uuid4()
    first, second, third = (make_monitor(schedule_cron=HOURLY, model_id=model) for _ in range(3))
    services.update_monitor(monitor=first, schedule_cron=DAILY, budget_weight=3.0)
    services.update_monitor(monitor=second, status=Monitor.Status.PAUSED)
    services.retire_monitor(monitor=third)
    services.delete_monitor(monitor=third)
    services.update_monitor(monitor=make_monitor(schedule_cron=HOURLY), model_id=uuid4())
    assert loads() == counted()
    assert loads()[-1][1] == pytest.approx(3 * 30.4 + 729.6, abs=1e-3)


def test_loads__changes_of_many_at_once__are_their_sums(in_tenant: Tenant) -> None:
    rows = [
        Monitor(tenant=in_tenant, name=str(n), model_id=uuid4(), min_rows=1, runs_per_month=n)
        for n in range(20)
    ]
    Monitor.objects.bulk_create(rows)
    Monitor.objects.filter(runs_per_month__gt=10).update(status=Monitor.Status.DISABLED)
    Monitor.objects.filter(runs_per_month__lt=5).delete()
    assert loads() == counted()
    assert loads()[-1][1:] == (sum(range(5, 11)), 6)


def test_loads__change_without_effect__writes_nothing(in_tenant: Tenant) -> None:
    monitor = make_monitor()
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text FROM drf_budget_loads ORDER BY id")
        before = cursor.fetchall()
        Monitor.objects.filter(id=monitor.id).update(min_rows=77)
        cursor.execute("SELECT xmin::text, ctid::text FROM drf_budget_loads ORDER BY id")
        assert cursor.fetchall() == before


def test_get_shares__other_tenants_monitors__do_not_count(
    in_tenant: Tenant, other_tenant: Tenant
) -> None:
    monitor = make_monitor(schedule_cron=DAILY)
    with tenant_scope(other_tenant.id):
        make_monitor(schedule_cron=HOURLY, model_id=monitor.model_id)
    assert get_shares(monitor.model_id).tenant.load == pytest.approx(30.4)


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.02, 43_776)), min_size=1, max_size=30),
    st.floats(0.01, 1e4),
)
def test_share__any_fleet__expects_no_more_than_is_promised(
    fleet: list[tuple[float, float]], promised: float
) -> None:
    load = sum(weight * runs for weight, runs in fleet)
    share = Share(promised=promised, load=load)
    expected = sum(runs * share.level(weight) for weight, runs in fleet)
    assert expected <= promised * (1 + 1e-9)
