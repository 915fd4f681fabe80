"""Discord, by its own web address or that of apprise."""

from alerts.channels.apprise_kind import AppriseKind


class DiscordChannel(AppriseKind):
    name, title = "discord", "Discord"
    form = "https://discord.com/api/webhooks/…/…"
    plugin = ("apprise.plugins.discord", "NotifyDiscord")
    options = frozenset({"thread"})
