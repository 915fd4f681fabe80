"""Opsgenie: an alert has its id as alias, and is closed by it.

Apprise closes only what the same process has opened, by ids in a store of its own; so our client closes.
"""

import json
from typing import Any
from urllib.parse import quote

from alerts.channels.apprise_kind import AppriseKind
from alerts.channels.channel_kind import (
    Destination,
    Message,
    NotAnAddress,
    Reply,
    without_secrets,
)
from drift_detector.outbound.pinned_client import NotSent, request
from drift_detector.outbound.targets import AddressRefused

HOSTS = {"us": "api.opsgenie.com", "eu": "api.eu.opsgenie.com"}


class OpsgenieChannel(AppriseKind):
    name, title = "opsgenie", "Opsgenie"
    form = "opsgenie://API_KEY"
    plugin = ("apprise.plugins.opsgenie", "NotifyOpsgenie")
    options = frozenset({"region", "tags", "entity"})
    has_incidents = True

    def choices(self, message: Message) -> dict[str, Any]:
        return {"alias": str(message.alert_id or message.id), "action": "new"}

    def send(self, destination: Destination, message: Message, *, seconds: float) -> Reply:
        if message.is_end and message.alert_id:
            return self._close(destination, message, seconds)
        return super().send(destination, message, seconds=seconds)

    def _close(self, destination: Destination, message: Message, seconds: float) -> Reply:
        try:
            plugin = self._create(destination.address, {})
            answer = request(
                "POST",
                _close_address(plugin.region_name, str(message.alert_id)),
                seconds=seconds,
                body=json.dumps({"note": message.text, "source": "Drift detector"}).encode(),
                headers={
                    "Authorization": f"GenieKey {plugin.apikey}",
                    "Content-Type": "application/json",
                },
            )
        except (NotAnAddress, AddressRefused, NotSent) as error:
            return Reply(False, without_secrets(str(error), destination))
        said = without_secrets(f"{answer.status} {answer.text}", destination)
        return Reply(answer.is_ok, said)


def _close_address(region: str, alias: str) -> str:
    return f"https://{HOSTS[region]}/v2/alerts/{quote(alias)}/close?identifierType=alias"
