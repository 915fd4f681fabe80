from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from algorithms.warm import warm
from detections.outcomes.consumer import OutcomeConsumer
from detections.outcomes.topics import OutcomeTopics
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

        parser.add_argument("--topic", help="the topic of these partitions: a tenant's")

    def handle(self, *args: Any, partitions: list[int], topic: str | None, **options: Any) -> None:
        _check_place(partitions, topic)
        warm()
        consumer = OutcomeConsumer(partitions, topic)
        try:
            run_until_stopped(consumer.step, pause_seconds=PAUSE_SECONDS, process="consumer")
        finally:
            consumer.close()


def _check_place(partitions: list[int], topic: str | None) -> None:
    topics = OutcomeTopics(settings.ENV.outcomes.topic)
    if topic is not None and not (partitions and topics.includes(topic)):
        raise CommandError("--topic needs --partitions, and a topic that the settings name.")
    if partitions and topic is None and topics.are_per_tenant:
        raise CommandError(
            f"--partitions needs --topic, as each tenant has its own: {topics.template}"
        )
