"""Microsoft Teams, by the web address of a workflow."""

import re
from collections.abc import Mapping
from typing import Any

from alerts.channels.apprise_kind import AppriseKind
from alerts.channels.channel_kind import NotAnAddress

HOSTS = re.compile(
    r"[a-z0-9][a-z0-9.-]*\."
    r"(logic\.azure\.(com|us|cn)"
    r"|(power|apps)platform\.(com|us|cn|microsoft\.us|appsplatform\.us|partner\.microsoftonline\.cn))",
    re.IGNORECASE,
)
"""The hosts of Logic Apps and Power Platform. Apprise alone takes any end of the second one."""


class TeamsChannel(AppriseKind):
    name, title = "msteams", "Microsoft Teams"
    form = "https://….logic.azure.com/workflows/…/triggers/manual/paths/invoke?…&sig=…"
    plugin = ("apprise.plugins.workflows", "NotifyWorkflows")
    options = frozenset({"sig", "pa", "route", "api-version", "sp", "sv"})

    def check_parts(self, parts: Mapping[str, Any]) -> None:
        is_known = HOSTS.fullmatch(str(parts.get("host") or ""))
        if not is_known or parts.get("port") not in (None, 443):
            raise NotAnAddress("The host of the address must be one of Microsoft's.")
