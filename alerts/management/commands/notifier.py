"""`manage.py notifier`: tells people of alerts."""

from typing import Any

from django.core.management.base import BaseCommand

from alerts.notifier.process import Notifier
from drift_detector.loops import run_until_stopped


class Command(BaseCommand):
    help = (
        "Route alert events and send notifications until stopped. Several notifiers share the work."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        notifier = Notifier()
        try:
            run_until_stopped(notifier.step, pause_seconds=0.5)
        finally:
            notifier.close()
