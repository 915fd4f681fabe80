"""The timeline of an alert as its page shows it, the newest entry first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from alerts.models import AlertEvent, AlertRun
from alerts.workflow.timeline import Entry, get_timeline
from drift_detector.formats import instant

MOST_ENTRIES = 100
TRACKS = {"check": "Run", "follow_up": "Follow-up", "outcomes": "Change of the error rate"}

Kind = AlertEvent.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """A line of the timeline.

    Attributes:
        at: When it happened.
        title: What happened.
        actor: A person or an API key; empty for the service.
        badge: A verdict or a severity; empty for none.
        words: The reason and what is known besides.
        note: What a person wrote.
        href: The run's page; empty for an event.
        window: The run's window; None for an event.
    """

    at: datetime
    title: str
    actor: str = ""
    badge: str = ""
    words: str = ""
    note: str = ""
    href: str = ""
    window: tuple[datetime, datetime] | None = None


def list_entries(alert_id: UUID) -> list[ShownEntry]:
    """The newest entries of an alert's timeline."""
    newest = get_timeline(alert_id).order_by("-created_at", "-id")[:MOST_ENTRIES]
    return [_shown(entry) for entry in newest]


def _shown(entry: Entry) -> ShownEntry:
    return _event(entry) if isinstance(entry, AlertEvent) else _run(entry)


def _event(event: AlertEvent) -> ShownEntry:
    about = DETAILS.get(event.kind)
    said = [event.reason, about(event.details) if about is not None else ""]
    return ShownEntry(
        at=event.created_at,
        title=event.get_kind_display().capitalize(),
        actor=event.actor,
        badge=event.severity if event.kind in BADGED else "",
        words=" · ".join(text for text in said if text),
        note=event.note,
    )


def _run(run: AlertRun) -> ShownEntry:
    late = " (late)" if run.is_late else ""
    return ShownEntry(
        at=run.created_at,
        title=f"{TRACKS.get(run.track, 'Run')}{late}",
        badge=run.verdict,
        words=f"severity {run.severity}" if run.severity else "",
        href=reverse("screens:run", args=[run.run_id]),
        window=(run.window_start, run.window_end),
    )


def _assigned(details: Mapping[str, str]) -> str:
    return f"to {details.get('to') or 'no one'}"


def _snoozed(details: Mapping[str, str]) -> str:
    until = details.get("until", "")
    return f"until {instant(datetime.fromisoformat(until))}" if until else ""


DETAILS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    Kind.ASSIGNED: _assigned,
    Kind.SNOOZED: _snoozed,
}
"""The words about an event's details, by its kind."""
BADGED = (Kind.OPENED, Kind.WORSENED, Kind.RELAPSED)
"""Events whose severity matters."""
