"""The retraining loop: reads `drift.retraining_required`, trains, deploys, and is verified by the service.

The id of an event goes into the table `inbox` in the transaction that records its training, however often the event is
delivered. Kafka's offset is committed after that, so a crash in between has the event delivered again, and then its id
is there already. `seq` counts a monitor's events over all topics; to notice a missing one, this reads all of them and
works on one. A training that was interrupted begins again, and a deployment that is reported twice is one.

    pip install confluent-kafka "psycopg[binary]" pyarrow pandas scikit-learn
    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 DATABASE_URL=postgresql:///training \\
        DRIFT_URL=http://localhost:8000 DRIFT_KEY=adk_… DATA=/data/flights python retrain_consumer.py

Without DATA, trainings are recorded and no more. The model is the one of the demo, whose time is 2013: with REPLAY=1 a
model counts as deployed at the end of the data that it was trained on, and not now.
"""

import json
import logging
import os
import signal
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
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
    event_id uuid PRIMARY KEY REFERENCES inbox, model_id uuid NOT NULL, reason text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}', deployed_at timestamptz, verdict text
);
"""
TIME, LABEL = "scheduled_departure", "label"
NUMERIC, CATEGORICAL = ["dep_delay", "distance", "hour"], ["carrier", "origin", "day_of_week"]
FEATURES = [*NUMERIC, *CATEGORICAL]
OPEN = {"requested", "deployed", "verifying"}
SECONDS_TO_ANSWER = 30
log = logging.getLogger("retrain_consumer")


@dataclass(frozen=True)
class Place:
    """The place of the model's data, and the service that watches it."""

    data: Path
    url: str
    key: str
    is_replay: bool


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
            record_training(database, event)


def warn_of_gap(database: psycopg.Connection, monitor: str, seq: int) -> None:
    """Say which events should have come before this one.

    They may still be on their way, as topics are read side by side. If they never come, they were given up, and
    `manage.py outbox dead` of the drift detector lists them; once requeued they arrive late, with the numbers they had.
    """
    earlier = "SELECT max(seq) FROM inbox WHERE monitor = %s AND seq < %s"
    ((last,),) = database.execute(earlier, [monitor, seq]).fetchall()
    if last is not None and last + 1 < seq:
        log.warning("monitor %s: %d came, %d to %d have not yet", monitor, seq, last + 1, seq - 1)


def record_training(database: psycopg.Connection, event: dict[str, Any]) -> None:
    """Remember a training for later; it takes long, so it follows the handling of the event."""
    data = event["data"]
    database.execute(
        "INSERT INTO trainings (event_id, model_id, reason, data) VALUES (%s, %s, %s, %s)",
        [event["id"], data["model_id"], data["reason"], json.dumps(data)],
    )


def work(database: psycopg.Connection, place: Place) -> None:
    """Train and deploy what waits for it, then see what the service says of what was deployed."""
    waiting = "SELECT event_id::text, data FROM trainings WHERE deployed_at IS NULL AND data ? 'request_id'"
    for event_id, data in database.execute(waiting).fetchall():
        train_and_deploy(place, event_id, data)
        query = "UPDATE trainings SET deployed_at = now() WHERE event_id = %s"
        database.execute(query, [event_id])
    undecided = (
        "SELECT event_id, data FROM trainings WHERE deployed_at IS NOT NULL AND verdict IS NULL"
    )
    for event_id, data in database.execute(undecided).fetchall():
        request = call(place, f"retraining-requests/{data['request_id']}")
        if request["status"] not in OPEN:
            log.info("retraining was %s: %s", request["status"], request["conclusion"])
            query = "UPDATE trainings SET verdict = %s WHERE event_id = %s"
            database.execute(query, [request["status"], event_id])


def train_and_deploy(place: Place, event_id: str, data: dict[str, Any]) -> None:
    """Train on the suggested range, write the new model's predictions, and report the deployment."""
    suggested = data["suggested_training_range"]
    start, end = (datetime.fromisoformat(suggested[name]) for name in ("start", "end"))
    log.info("training on %s to %s: %s", start, end, data["reason"])
    model = train(place.data, start, end)
    write_predictions(model, place.data, start)
    body = {
        "trained_from": start.isoformat(),
        "trained_to": end.isoformat(),
        "model_version": f"retrained-{event_id[:8]}",
        "note": data["reason"],
    }
    if place.is_replay:
        body["deployed_at"] = end.isoformat()
    deployment = call(place, f"models/{data['model_id']}/deployed", body)
    log.info("deployed %s", deployment["model_version"])


def train(folder: Path, start: datetime, end: datetime) -> Any:
    """The demo's model, fitted on the labelled rows of a range."""
    import pyarrow.compute as pc
    import pyarrow.dataset as pads
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    is_inside = (pc.field(TIME) >= start.astimezone(UTC)) & (pc.field(TIME) < end.astimezone(UTC))
    columns = [*FEATURES, LABEL]
    rows = pads.dataset(folder).to_table(columns=columns, filter=is_inside).to_pandas()
    encoded = make_column_transformer(
        (StandardScaler(), NUMERIC), (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL)
    )
    model = make_pipeline(encoded, LogisticRegression(max_iter=1000))
    return model.fit(rows[FEATURES], rows[LABEL])


def write_predictions(model: Any, folder: Path, start: datetime) -> None:
    """Replace the predictions from a time on, file by file, where the monitors read them."""
    for file in sorted(folder.glob("week=*/*.parquet")):
        replace_predictions(model, file, start)


def replace_predictions(model: Any, file: Path, start: datetime) -> None:
    """Replace a file in one step, so that a run reads the old or the new one; names with a dot are not read."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file).read()
    is_new = pc.greater_equal(table[TIME], pa.scalar(start, table[TIME].type))
    if not pc.any(is_new).as_py():
        return
    scores = pa.array(model.predict_proba(table.select(FEATURES).to_pandas())[:, 1])
    predictions = pc.greater_equal(scores, 0.5)
    for name, values in (("prediction_score", scores), ("prediction", predictions)):
        place = table.column_names.index(name)
        kept = pc.if_else(is_new, values.cast(table[name].type), table[name])
        table = table.set_column(place, name, kept)
    draft = file.with_name(f".{file.name}.new")
    pq.write_table(table, draft)
    draft.replace(file)


def call(place: Place, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of the service: to a GET, or to a POST with a body."""
    request = urllib.request.Request(
        f"{place.url}/api/v1/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {place.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
        shown: dict[str, Any] = json.load(answer)
        return shown


def consume(
    consumer: Consumer, database: psycopg.Connection, place: Place | None, stopped: Event
) -> None:
    """Handle one message after another, each before its offset is committed; train when none waits."""
    while not stopped.is_set():
        message = next_message(consumer)
        value = None if message is None else message.value()
        if message is not None and value is not None:
            handle(database, json.loads(value))
            consumer.commit(message=message, asynchronous=False)
        elif place is not None:
            work(database, place)


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


def place_of_environment() -> Place | None:
    """The place to train and deploy; None if the environment does not say."""
    if "DATA" not in os.environ:
        return None
    return Place(
        data=Path(os.environ["DATA"]),
        url=os.environ["DRIFT_URL"].rstrip("/"),
        key=os.environ["DRIFT_KEY"],
        is_replay=os.environ.get("REPLAY") == "1",
    )


def stop_signal() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    stopped, consumer, place = stop_signal(), create_consumer(), place_of_environment()
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            database.execute(TABLES)
            consumer.subscribe(TOPICS)
            consume(consumer, database, place, stopped)
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
