"""`manage.py tail_events`: prints the published events."""

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer
from django.core.management.base import BaseCommand, CommandError

from drift_detector.events.kafka_clients import create_consumer
from drift_detector.events.services import topics

POLL_SECONDS = 0.25


class Command(BaseCommand):
    help = "Print the events in Kafka, one JSON document per line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--topic", choices=topics(), help="one topic instead of all")
        parser.add_argument(
            "--follow", action="store_true", help="wait for new events until Ctrl-C"
        )
        parser.add_argument(
            "--seconds", type=float, default=5.0, help="seconds to wait for the next event"
        )

    def handle(
        self, *args: Any, topic: str | None, follow: bool, seconds: float, **options: Any
    ) -> None:
        consumer = create_consumer(group=f"tail-{uuid4()}", reset="earliest")
        consumer.subscribe([topic] if topic else topics())
        try:
            self._tail(consumer, follow, seconds)
        except KeyboardInterrupt:
            return
        finally:
            consumer.close()

    def _tail(self, consumer: Consumer, follow: bool, seconds: float) -> None:
        quiet_after = time.monotonic() + seconds
        while follow or time.monotonic() < quiet_after:
            value = _next_value(consumer)
            if value is not None:
                self.stdout.write(json.dumps(json.loads(value)))
                quiet_after = time.monotonic() + seconds


def _next_value(consumer: Consumer) -> bytes | None:
    """The next message's content; None if there is none, or it is an error that passes."""
    message = consumer.poll(POLL_SECONDS)
    if message is None:
        return None
    error = message.error()
    if error is None:
        return message.value()
    if error.fatal():
        raise CommandError(error.str())
    return None
