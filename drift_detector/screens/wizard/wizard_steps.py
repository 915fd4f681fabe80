"""The line of steps above the wizard's pages."""

from typing import Any

from django.urls import reverse

from drift_detector.screens.screen import Crumb

STEPS = ("Data", "Columns and schedule", "Check", "Start")


def steps(current: int) -> list[dict[str, Any]]:
    """The wizard's steps for the line above each page; the current one is marked."""
    return [
        {
            "number": number,
            "title": title,
            "is_current": number == current,
            "is_done": number < current,
        }
        for number, title in enumerate(STEPS, 1)
    ]


def trail() -> list[Crumb]:
    """The way to the wizard."""
    return [Crumb("Monitors", reverse("admin:monitors_monitor_changelist")), Crumb("New monitor")]
