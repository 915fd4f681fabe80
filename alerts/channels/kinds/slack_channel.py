"""Slack, by its own web address or that of apprise."""

from alerts.channels.apprise_kind import AppriseKind


class SlackChannel(AppriseKind):
    name, title = "slack", "Slack"
    form = "https://hooks.slack.com/services/T…/B…/…"
    plugin = ("apprise.plugins.slack", "NotifySlack")
    options = frozenset({"mode"})
