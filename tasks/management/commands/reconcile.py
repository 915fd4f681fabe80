from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from detections.reconciler import reconcile
from drift_detector.processes import run_until_stopped


class Command(BaseCommand):
    help = "Send lost wake-ups again and take runs back from workers that stopped answering, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        run_until_stopped(_step, pause_seconds=settings.ENV.runs.reconcile_seconds, process="reconciler")


def _step() -> bool:
    reconcile()
    return False
