from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.episodes.events import Circumstances, move
from alerts.episodes.phases import Move
from alerts.models import Alert, AlertEvent
from alerts.workflow import services
from alerts.workflow.snoozes import SNOOZE_TASK, end_snoozes, enqueue_ended_snoozes
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tasks.alerts import end_snoozes as end_snoozes_task
from tests.alerts.workflow.conftest import make_alert
from tests.conftest import connected_as, role_url
from tests.factories import at_once, make_monitor, wake_ups


def snoozed(alert: Alert) -> Alert:
    """The alert, snoozed until a moment ago."""
    services.snooze(
        alert_id=alert.id, by="user:ana", until=timezone.now() + timedelta(hours=1), note="Later."
    )
    Alert.objects.filter(id=alert.id).update(snoozed_until=timezone.now() - timedelta(seconds=1))
    alert.refresh_from_db()
    return alert


def kinds(alert: Alert) -> list[tuple[str, str, bool]]:
    events = AlertEvent.objects.filter(alert=alert).order_by("number")
    return list(events.values_list("kind", "actor", "notifies"))


def test_end_snoozes__over__is_new_again_and_people_are_notified(alert: Alert) -> None:
    snoozed(alert)
    assert end_snoozes(tenant_id=alert.tenant_id) == 1
    alert.refresh_from_db()
    assert (alert.attention, alert.snoozed_until, alert.status) == ("new", None, "open")
    assert kinds(alert)[-1] == ("snooze_ended", "", True)


def test_end_snoozes__twice__writes_one_event(alert: Alert) -> None:
    snoozed(alert)
    end_snoozes_task(tenant_id=str(alert.tenant_id))
    before = kinds(alert)
    end_snoozes_task(tenant_id=str(alert.tenant_id))
    assert kinds(alert) == before


def test_end_snoozes__not_over__stays_snoozed(alert: Alert) -> None:
    services.snooze(alert_id=alert.id, by="user:ana", until=timezone.now() + timedelta(hours=1))
    assert end_snoozes(tenant_id=alert.tenant_id) == 0
    assert Alert.objects.get().attention == "snoozed"


@pytest.mark.parametrize("times", [1, 2])
def test_end_snoozes__acknowledged_before__holds_again(alert: Alert, times: int) -> None:
    services.acknowledge(alert_id=alert.id, by="user:ben", note="Mine.")
    for _ in range(times):
        snoozed(alert)
    end_snoozes(tenant_id=alert.tenant_id)
    alert.refresh_from_db()
    assert (alert.attention, alert.acknowledged_by, alert.note) == (
        "acknowledged",
        "user:ben",
        "Mine.",
    )
    assert [kind for kind, _, _ in kinds(alert)[-2:]] == ["snooze_ended", "acknowledged"]
    assert kinds(alert)[-2][2]  # people are notified that the snooze is over


def test_end_snoozes__acknowledged_then_worse_then_snoozed__is_new(alert: Alert) -> None:
    services.acknowledge(alert_id=alert.id, by="user:ben")
    worse = Alert.objects.get()
    move(worse, Move.WORSENED, Circumstances())
    worse.save()
    snoozed(alert)
    end_snoozes(tenant_id=alert.tenant_id)
    assert Alert.objects.get().attention == "new"


def test_end_snoozes__resolved_meanwhile__notifies_no_one(alert: Alert) -> None:
    snoozed(alert)
    move(alert, Move.RESOLVED, Circumstances())
    alert.save()
    end_snoozes(tenant_id=alert.tenant_id)
    assert kinds(alert)[-1] == ("snooze_ended", "", False)


def test_enqueue_ended_snoozes__as_the_scheduler__one_task_a_tenant(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        for _ in range(2):
            snoozed(make_alert(make_monitor()))
        make_alert(make_monitor())
    with connected_as(role_url("scheduler")):
        assert enqueue_ended_snoozes() == 1
    assert wake_ups(SNOOZE_TASK) == [{"tenant_id": str(committed_tenant.id)}]


def test_end_snoozes__four_workers_at_once__one_event(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        alert = snoozed(make_alert(make_monitor()))
    ended = at_once(*[lambda: end_snoozes(tenant_id=committed_tenant.id)] * 4)
    assert sum(ended) == 1
    with tenant_scope(committed_tenant.id):
        assert [kind for kind, _, _ in kinds(alert)].count("snooze_ended") == 1
