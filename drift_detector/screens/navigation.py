"""The site's sidebar: the lists that people work with first, then those of people and of the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the sidebar.

    Attributes:
        title: Its words.
        icon: The name of a Material symbol.
        name: The name of the address.
        pages: Names of the pages that belong to it.
        scope: The scope that a person needs to see it.
    """

    title: str
    icon: str
    name: str
    pages: Sequence[str] = field(default=())
    scope: Scope = Scope.MONITORS_READ


WORK = (
    Place("Home", "home", "admin:index"),
    Place(
        "Monitors",
        "monitoring",
        "admin:monitors_monitor_changelist",
        (
            "screens:monitor",
            "screens:feature",
            "screens:tune",
            "screens:new_monitor",
            "screens:new_monitor_place",
            "screens:new_monitor_columns",
            "screens:new_monitor_check",
            "screens:new_monitor_start",
        ),
    ),
    Place(
        "Alerts",
        "notifications",
        "admin:alerts_alert_changelist",
        ("screens:alert", "admin:alerts_alert_act"),
    ),
    Place(
        "Runs",
        "play_circle",
        "admin:detections_detectionrun_changelist",
        ("screens:run", "screens:report"),
    ),
    Place("Detections", "troubleshoot", "admin:detections_detection_changelist"),
    Place(
        "Concept drift",
        "timeline",
        "admin:detections_detectorstate_changelist",
        ("screens:stream",),
    ),
    Place(
        "Backtests",
        "history",
        "admin:detections_backtest_changelist",
        ("screens:backtest", "screens:new_backtest"),
    ),
    Place("Baselines", "straighten", "admin:monitors_baseline_changelist", ("screens:baseline",)),
)
PEOPLE = (
    Place("Channels", "campaign", "admin:alerts_channel_changelist"),
    Place("Routes", "alt_route", "admin:alerts_route_changelist"),
    Place("Silences", "notifications_off", "admin:alerts_silence_changelist"),
    Place("Maintenance windows", "construction", "admin:alerts_maintenancewindow_changelist"),
    Place("Notifications", "outgoing_mail", "admin:alerts_notification_changelist"),
)
TENANT = (
    Place("Members", "group", "admin:tenancy_membership_changelist"),
    Place("API keys", "key", "admin:tenancy_apikey_changelist"),
    Place("Connections", "cable", "admin:monitors_storeconnection_changelist", scope=Scope.ADMIN),
    Place("False-alarm budget", "savings", "screens:budget"),
    Place("Quotas", "speed", "admin:tenancy_tenantquota_changelist"),
    Place("Audit", "policy", "admin:audit_auditentry_changelist", scope=Scope.ADMIN),
    Place("Outbox", "outbox", "admin:events_outboxevent_changelist"),
    Place("API", "api", "docs"),
)
GROUPS = (("", WORK), ("People", PEOPLE), ("Tenant", TENANT))


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links as unfold's `SIDEBAR` takes them."""
    return [_group(title, places, request) for title, places in GROUPS]


def _group(title: str, places: Sequence[Place], request: HttpRequest) -> dict[str, Any]:
    shown = [_link(place, request) for place in places if may(request, place.scope)]
    return {"title": title, "separator": bool(title), "items": shown}


def _link(place: Place, request: HttpRequest) -> dict[str, Any]:
    link = reverse(place.name)
    return {
        "title": place.title,
        "icon": place.icon,
        "link": link,
        "active": _is_here(place, link, request),
    }


def _is_here(place: Place, link: str, request: HttpRequest) -> bool:
    """True on the page itself, on those below it, and on those that belong to it."""
    match = request.resolver_match
    if match is not None and match.view_name in place.pages:
        return True
    is_home = link == reverse("admin:index")
    return request.path == link if is_home else request.path.startswith(link)
