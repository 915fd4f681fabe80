"""Filters and tags of the pages: numbers, times, and what a verdict looks like."""

from datetime import datetime, tzinfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from algorithms.charts import number_words
from drift_detector import formats

register = template.Library()
register.filter("number", number_words.number)
register.filter("share", number_words.share)
register.filter("p_value", formats.p_value)
register.filter("duration", formats.duration)

window_text = formats.window_text

SYMBOLS = {
    "ok": ("check", "good"),
    "drift": ("change_history", "bad"),
    "error": ("error", "bad"),
    "insufficient_data": ("radio_button_unchecked", "fair"),
    "unsupported": ("help", "fair"),
    "no_data": ("remove", "none"),
    "info": ("info", "none"),
    "warning": ("warning", "fair"),
    "critical": ("emergency_home", "bad"),
    "stable": ("check", "good"),
}
"""A verdict's, signal's or severity's icon and tone; the shape tells it without the colour."""
MARKS = {
    "ok": "",
    "drift": "◆",
    "error": "✕",
    "failed": "✕",
    "insufficient_data": "○",
    "unsupported": "?",
    "no_data": "–",
    "skipped": "»",
    "missed": "∅",
    "queued": "…",
    "running": "…",
}
"""The shapes of verdicts in a strip of windows, as in a heat map."""
TONES = {
    "succeeded": "good",
    "ready": "good",
    "active": "good",
    "resolved": "good",
    "effective": "good",
    "failed": "bad",
    "dead": "bad",
    "open": "bad",
    "ineffective": "bad",
    "skipped": "fair",
    "paused": "fair",
    "acknowledged": "fair",
}


@register.filter
def mark(verdict: str | None) -> str:
    """The shape of a verdict in a strip."""
    return MARKS.get(verdict or "", "")


@register.filter
def tone(word: str | None) -> str:
    """The tone of a verdict or a status: `good`, `fair`, `bad` or `none`."""
    key = word or ""
    return SYMBOLS[key][1] if key in SYMBOLS else TONES.get(key, "none")


@register.simple_tag
def badge(word: str | None) -> SafeString:
    """A verdict, a severity, a signal or a status, with its icon and tone."""
    if not word:
        return format_html('<span class="badge badge-none">{}</span>', number_words.NOTHING)
    icon, tone = SYMBOLS.get(word, ("", TONES.get(word, "none")))
    shown = word.replace("_", " ")
    if not icon:
        return format_html('<span class="badge badge-{}">{}</span>', tone, shown)
    return format_html(
        '<span class="badge badge-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        tone,
        icon,
        shown,
    )


@register.simple_tag
def instant(at: datetime | None, zone: tzinfo | None = None) -> SafeString | str:
    """A time in a zone; the reader's own zone is in the tooltip."""
    if at is None:
        return number_words.NOTHING
    shown = at.astimezone(zone) if zone is not None else at
    return format_html(
        '<time datetime="{}" data-instant>{}</time>', at.isoformat(), formats.instant(shown)
    )


@register.simple_tag
def window(start: datetime, end: datetime, zone: tzinfo | None = None) -> SafeString:
    """A window of time: days where it begins and ends at midnight."""
    first, last = (each.astimezone(zone) if zone is not None else each for each in (start, end))
    return format_html(
        '<time datetime="{}/{}" data-window>{}</time>',
        start.isoformat(),
        end.isoformat(),
        window_text(first, last),
    )
