"""Google Chat, by its own web address or that of apprise."""

from alerts.channels.apprise_kind import AppriseKind


class GoogleChatChannel(AppriseKind):
    name, title = "googlechat", "Google Chat"
    form = "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…"
    plugin = ("apprise.plugins.google_chat", "NotifyGoogleChat")
    options = frozenset({"key", "token", "threadKey", "threadkey"})
