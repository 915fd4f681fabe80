"""PagerDuty: an alert is one incident, by its id, and the incident ends with the alert."""

from typing import Any

from alerts.channels.apprise_kind import AppriseKind
from alerts.channels.channel_kind import Message


class PagerDutyChannel(AppriseKind):
    name, title = "pagerduty", "PagerDuty"
    form = "pagerduty://INTEGRATION_KEY@API_KEY"
    plugin = ("apprise.plugins.pagerduty", "NotifyPagerDuty")
    options = frozenset({"region", "group", "class"})
    has_incidents = True

    def choices(self, message: Message) -> dict[str, Any]:
        return {
            "dedup": str(message.alert_id or message.id),
            "action": "resolve" if message.is_end else "trigger",
            "click": message.url or None,
        }
