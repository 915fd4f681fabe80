"""Messages and addresses that tests of channels send."""

from typing import Any
from uuid import UUID

from alerts.channels.channel_kind import Message, Topic

ALERT_ID = UUID("6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d")
ADDRESSES = {
    "webhook": "https://93.184.215.14/hook?token=s3cr3t-t0ken",
    "email": "ops@example.com, ana@example.org",
    "slack": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "msteams": (
        "https://prod-00.westus.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke"
        "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"
    ),
    "discord": "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "googlechat": "https://chat.googleapis.com/v1/spaces/AAAAspace/messages?key=KEYKEYKEY&token=TOKENTOKEN",
    "pagerduty": "pagerduty://INTEGRATIONKEY@APIKEYAPIKEY",
    "opsgenie": "opsgenie://a8k3-sdf8-dsf9-a8k3",
}


def message(topic: Topic = Topic.RAISED, **fields: Any) -> Message:
    values: dict[str, Any] = {
        "id": "msg_1",
        "topic": topic,
        "severity": "critical",
        "subject": "critical: Flights",
        "text": "Drift in delay.",
        "html": "<p>Drift in delay.</p>",
        "data": {"alert_id": str(ALERT_ID), "severity": "critical"},
        "alert_id": ALERT_ID,
        "url": "https://drift.example.com/alerts/1",
    }
    return Message(**values | fields)
