from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from detections.ledger.recovery import enqueue_lost
from drift_detector.loops import run_until_stopped
from tasks.reconciler import reconcile

LOOK_SECONDS = 1.0


class Command(BaseCommand):
    help = "Enqueue runs again whose message or worker is lost, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        next_round = monotonic()

        def step() -> bool:
            nonlocal next_round
            enqueue_lost()
            if monotonic() >= next_round:
                reconcile()
                next_round = monotonic() + settings.ENV.runs.reconcile_seconds
            return False

        run_until_stopped(step, pause_seconds=LOOK_SECONDS, process="reconciler")
