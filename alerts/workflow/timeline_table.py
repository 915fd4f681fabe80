"""Shows a timeline as a table for people."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerts.models import AlertEvent, AlertRun
from alerts.workflow.timeline import Entry, get_timeline

MOST_SHOWN = 100
HEADERS = ["When (UTC)", "What", "Who", "State", "Words"]
LINK = '<a class="text-primary-600" href="{}">{}</a>'


def timeline_table(alert_id: UUID) -> dict[str, Any]:
    """The newest entries of an alert's timeline as a table of Unfold."""
    newest = get_timeline(alert_id).order_by("-created_at", "-id")[:MOST_SHOWN]
    return {"headers": HEADERS, "rows": [_row(entry) for entry in newest]}


def _row(entry: Entry) -> list[Any]:
    cells = _event(entry) if isinstance(entry, AlertEvent) else _run(entry)
    return [f"{entry.created_at:%Y-%m-%d %H:%M:%S}", *cells]


def _event(event: AlertEvent) -> list[Any]:
    state = f"{event.to_phase}, {event.to_attention}, {event.severity}"
    said = [event.reason, event.note, *_details(event)]
    words = " · ".join(text for text in said if text)
    return [event.get_kind_display(), event.actor or "the service", state, words]


def _details(event: AlertEvent) -> list[str]:
    match event.kind:
        case AlertEvent.Kind.ASSIGNED:
            return [f"to {event.details.get('to') or 'no one'}"]
        case AlertEvent.Kind.SNOOZED:
            return [f"until {event.details.get('until', '')}"]
    return []


def _run(run: AlertRun) -> list[Any]:
    verdict = f"{run.verdict} {run.severity}".strip()
    late = "late, " if run.is_late else ""
    window = f"{late}{run.window_start:%Y-%m-%d %H:%M} to {run.window_end:%Y-%m-%d %H:%M}"
    return [_link(run), "the service", verdict, window]


def _link(run: AlertRun) -> SafeString:
    url = reverse("admin:detections_detectionrun_change", args=[run.run_id])
    return format_html(LINK, url, f"Run ({run.track})")
