"""The texts of messages, as mails show them."""

from django.utils import timezone

from alerts.models import Alert, Channel, Notification
from alerts.notifier.texts import Contents, message_of
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.alerts.notifier.conftest import make_channel, open_alert
from tests.drift_detector.outbound.receivers import Receiver


def notification(channel: Channel, alert: Alert | None, kind: str = "alert") -> Notification:
    return Notification(
        channel=channel, alert=alert, kind=kind, severity="critical", due_at=timezone.now()
    )


def test_message__of_one_alert__is_short_and_names_three_features(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, public_url: str
) -> None:
    alert = open_alert(monitor, "critical", "statistical", "a", "b", "c", "d")
    row = notification(channel, alert)
    message = message_of(row, channel, Contents(alert, list(alert.events.all()), {alert.id: alert}))
    assert message.subject == "[critical] Flights: drift in a, b, c, d"
    lines = message.text.splitlines()
    assert lines[0] == "New alert: Flights: drift in a, b, c, d"
    assert "Worst features: d (ks 0.4), c (ks 0.3), b (ks 0.2)" in lines
    assert "Severity: critical" in lines
    assert lines[-1] == f"{public_url}/admin/alerts/{alert.id}/"
    assert message.id == f"msg_{row.id.hex}"


def test_message__html__escapes_what_tenants_name(
    in_tenant: Tenant, monitor: Monitor, channel: Channel
) -> None:
    alert = open_alert(monitor, "critical", "statistical", "<script>alert(1)</script>")
    contents = Contents(alert, list(alert.events.all()), {alert.id: alert})
    html = message_of(notification(channel, alert), channel, contents).html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_message__subject_of_the_channel__has_its_fields(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    channel = make_channel(receiver.url, subject="{kind} at {monitor}: {severity}")
    alert = open_alert(monitor)
    contents = Contents(alert, list(alert.events.all()), {alert.id: alert})
    message = message_of(notification(channel, alert), channel, contents)
    assert message.subject == "statistical at Flights: critical"


def test_message__of_many__has_a_line_for_each_event_up_to_a_bound(
    in_tenant: Tenant, monitor: Monitor, channel: Channel
) -> None:
    alert = open_alert(monitor)
    events = list(alert.events.all()) * 60
    contents = Contents(None, events, {alert.id: alert})
    message = message_of(notification(channel, None, "digest"), channel, contents)
    assert message.subject == "[critical] Digest of alerts: 1 alert"
    assert message.text.count("opened, warning: Flights: drift in delay") == 50
    assert "and 10 more" in message.text
