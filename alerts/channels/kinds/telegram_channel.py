"""Telegram, by its own web address or that of apprise."""

from alerts.channels.apprise_kind import AppriseKind


class TelegramChannel(AppriseKind):
    name, title = "telegram", "Telegram"
    form = "tgram://BOT_TOKEN/CHAT_ID"
    plugin = ("apprise.plugins.telegram", "NotifyTelegram")
    options = frozenset({"topic", "silent"})
