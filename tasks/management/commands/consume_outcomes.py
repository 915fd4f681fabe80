from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from algorithms.warm import warm
from detections.outcomes.consumer import OutcomeConsumer
from drift_detector.loops import run_until_stopped

PAUSE_SECONDS = 0.1


class Command(BaseCommand):
    help = (
        "Take in the outcomes that come by Kafka, until stopped; several may run beside each other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--partitions",
            type=int,
            nargs="+",
            default=[],
            help="read just these, without joining the consumer group",
        )

    def handle(self, *args: Any, partitions: list[int], **options: Any) -> None:
        warm()
        consumer = OutcomeConsumer(partitions)
        try:
            run_until_stopped(consumer.step, pause_seconds=PAUSE_SECONDS, process="consumer")
        finally:
            consumer.close()
