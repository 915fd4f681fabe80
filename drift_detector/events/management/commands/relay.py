"""`manage.py relay`: publishes the outbox to Kafka."""

from typing import Any

from django.core.management.base import BaseCommand

from drift_detector.events.relay import Relay
from drift_detector.loops import run_until_stopped


class Command(BaseCommand):
    help = "Publish outbox events to Kafka until stopped. Several relays share the work."

    def handle(self, *args: Any, **options: Any) -> None:
        run_until_stopped(Relay().step, pause_seconds=0.5)
