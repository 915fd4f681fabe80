"""The kinds of channels, by name; everything that lists them is made from this."""

from collections.abc import Mapping
from enum import StrEnum

from alerts.channels.channel_kind import ChannelKind
from alerts.channels.kinds.discord_channel import DiscordChannel
from alerts.channels.kinds.email_channel import EmailChannel
from alerts.channels.kinds.googlechat_channel import GoogleChatChannel
from alerts.channels.kinds.msteams_channel import TeamsChannel
from alerts.channels.kinds.opsgenie_channel import OpsgenieChannel
from alerts.channels.kinds.pagerduty_channel import PagerDutyChannel
from alerts.channels.kinds.slack_channel import SlackChannel
from alerts.channels.kinds.telegram_channel import TelegramChannel
from alerts.channels.kinds.webhook_channel import WebhookChannel

KINDS: tuple[ChannelKind, ...] = (
    WebhookChannel(),
    EmailChannel(),
    SlackChannel(),
    TeamsChannel(),
    DiscordChannel(),
    TelegramChannel(),
    GoogleChatChannel(),
    PagerDutyChannel(),
    OpsgenieChannel(),
)
CHANNEL_KINDS: Mapping[str, ChannelKind] = {kind.name: kind for kind in KINDS}
ChannelKindName = StrEnum("ChannelKindName", [(name.upper(), name) for name in CHANNEL_KINDS])  # type: ignore[misc]
