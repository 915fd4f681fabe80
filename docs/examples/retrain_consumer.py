"""Starts a training for each `drift.retraining_required`: once, however often the event is delivered.

The id of an event goes into the table `inbox` in the transaction that does its work. Kafka's offset is committed after
that, so a crash in between has the event delivered again, and then its id is there already. `seq` counts a monitor's
events over all three topics; to notice a missing one, this reads all of them and works on one.

    pip install confluent-kafka "psycopg[binary]"
    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 DATABASE_URL=postgresql:///training python retrain_consumer.py
"""

import json
import logging
import os
import signal
from threading import Event
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException, Message

RETRAINING_REQUIRED = "drift.retraining_required"
TOPICS = ["drift.detected", "drift.alert_raised", RETRAINING_REQUIRED]
TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid PRIMARY KEY, monitor uuid NOT NULL, seq integer NOT NULL, received_at timestamptz DEFAULT now()
);
CREATE INDEX IF NOT EXISTS inbox_by_monitor ON inbox (monitor, seq);
CREATE TABLE IF NOT EXISTS trainings (
    event_id uuid PRIMARY KEY REFERENCES inbox, model_id uuid NOT NULL, reason text NOT NULL
);
"""
log = logging.getLogger("retrain_consumer")


def handle(database: psycopg.Connection, event: dict[str, Any]) -> None:
    """Do what an event asks for and remember its id, or neither."""
    with database.transaction():
        is_new = database.execute(
            "INSERT INTO inbox (event_id, monitor, seq) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [event["id"], event["subject"], event["seq"]],
        ).rowcount
        if not is_new:
            log.info("event %s was delivered again", event["id"])
            return
        warn_of_gap(database, event["subject"], event["seq"])
        if event["type"] == RETRAINING_REQUIRED:
            start_training(database, event)


def warn_of_gap(database: psycopg.Connection, monitor: str, seq: int) -> None:
    """Say which events should have come before this one.

    They may still be on their way, as topics are read side by side. If they never come, they were given up, and
    `manage.py outbox dead` of the drift detector lists them; once requeued they arrive late, with the numbers they had.
    """
    earlier = "SELECT max(seq) FROM inbox WHERE monitor = %s AND seq < %s"
    ((last,),) = database.execute(earlier, [monitor, seq]).fetchall()
    if last is not None and last + 1 < seq:
        log.warning("monitor %s: %d came, %d to %d have not yet", monitor, seq, last + 1, seq - 1)


def start_training(database: psycopg.Connection, event: dict[str, Any]) -> None:
    """Your work goes here; what leaves this database, say a call to a scheduler, carries `event["id"]` as its key."""
    database.execute(
        "INSERT INTO trainings (event_id, model_id, reason) VALUES (%s, %s, %s)",
        [event["id"], event["data"]["model_id"], event["data"]["reason"]],
    )


def consume(consumer: Consumer, database: psycopg.Connection, stopped: Event) -> None:
    """Handle one message after another, each before its offset is committed."""
    while not stopped.is_set():
        message = next_message(consumer)
        value = None if message is None else message.value()
        if message is not None and value is not None:
            handle(database, json.loads(value))
            consumer.commit(message=message, asynchronous=False)


def next_message(consumer: Consumer) -> Message | None:
    """The next message, if one comes within a second; an error that passes is logged."""
    message = consumer.poll(1.0)
    error = None if message is None else message.error()
    if error is None:
        return message
    if error.fatal():
        raise KafkaException(error)
    log.warning("%s", error.str())
    return None


def create_consumer() -> Consumer:
    """A consumer that commits an offset only when its event is handled."""
    return Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": os.environ.get("CONSUMER_GROUP", "retraining"),
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
        }
    )


def stop_signal() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    stopped, consumer = stop_signal(), create_consumer()
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            database.execute(TABLES)
            consumer.subscribe(TOPICS)
            consume(consumer, database, stopped)
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
