"""The things that people do are heard where the alert went, as long as it goes on."""

from datetime import timedelta

from django.utils import timezone

from alerts.episodes.phases import Move
from alerts.models import Alert, AlertEvent
from alerts.workflow import services
from monitors.models import Monitor
from tests.alerts.workflow.conftest import make_alert

DONE = ("acknowledged", "snoozed", "commented")


def act(alert: Alert) -> None:
    services.comment(alert_id=alert.id, by="user:ana", note="Looking.")
    services.acknowledge(alert_id=alert.id, by="user:ana")


def heard() -> dict[str, bool]:
    events = AlertEvent.objects.filter(kind__in=DONE)
    return dict(events.values_list("kind", "notifies"))


def test_people__alert_that_goes_on__are_heard(alert: Alert) -> None:
    act(alert)
    until = timezone.now() + timedelta(hours=1)
    services.snooze(alert_id=alert.id, by="user:ana", until=until)
    assert heard() == dict.fromkeys(DONE, True)


def test_people__alert_that_is_over__are_not_heard(monitor: Monitor) -> None:
    act(make_alert(monitor, Move.OPENED, Move.RESOLVED))
    assert heard() == {"acknowledged": False, "commented": False}
