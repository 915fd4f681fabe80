"""The main job from outside: HTTP in, rows and Kafka messages out."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.conf import settings
from django.db import connection

from tests.e2e.conftest import Service, wait_until

TOPICS = ["drift.detected", "drift.alert_raised"]

pytestmark = pytest.mark.slow


def test_main_job__drifted_data__is_found_told_acknowledged_and_published(
    service: Service, recent_data: dict[str, Any]
) -> None:
    fields = {"schedule_cron": "0 0 1 1 *", "open_after": {"warning": {"runs": 1, "of": 1}}}
    monitor = service.create_monitor(recent_data | fields)
    baselines = f"/api/v1/monitors/{monitor['id']}/baselines"  # workers of a loaded machine are not there at once
    wait_until(lambda: service.get(baselines)["results"][0]["status"] == "ready")
    run = service.post(f"/api/v1/monitors/{monitor['id']}/run?wait=30")
    assert (run["status"], run["verdict"]) == ("succeeded", "drift")
    verdicts = {each["method"]: each["verdict"] for each in run["detections"]}
    assert [verdicts[method] for method in ("ks", "psi", "chi_squared")] == ["drift"] * 3
    before = service.get("/api/v1/dashboard")["unacknowledged_alerts"]
    (alert,) = service.get(f"/api/v1/alerts?run={run['id']}")["results"]
    acknowledged = service.post(f"/api/v1/alerts/acknowledge/{alert['id']}", {"note": "seen"})
    assert (acknowledged["acknowledged_by"], acknowledged["note"]) == ("key:e2e", "seen")
    after = service.get("/api/v1/dashboard")["unacknowledged_alerts"]
    assert before[alert["severity"]] - after[alert["severity"]] == 1
    assert set(wait_until(lambda: events_of(monitor["id"]))) == set(TOPICS)


def test_main_job__one_minute_cron__makes_its_runs_by_itself(
    service: Service, recent_data: dict[str, Any]
) -> None:
    monitor = service.create_monitor(recent_data)
    path = f"/api/v1/runs?monitor={monitor['id']}&trigger=schedule&status=succeeded"
    (run, *_) = wait_until(lambda: service.get(path)["results"], seconds=100)
    tick = datetime.fromisoformat(run["scheduled_for"])
    assert (tick.second, tick.microsecond) == (0, 0)
    assert run["verdict"] == "drift"


def test_main_job__two_workers__both_take_runs_and_keep_their_connections(
    service: Service, recent_data: dict[str, Any]
) -> None:
    monitor = service.create_monitor(recent_data | {"schedule_cron": "0 * * * *"})
    before = sessions_begun()
    asked = service.post(
        f"/api/v1/monitors/{monitor['id']}/backfill",
        {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T16:00:00Z"},
    )
    path = f"/api/v1/runs?monitor={monitor['id']}&page_size=200&status=succeeded"
    runs = wait_until(
        lambda: len(found := service.get(path)["results"]) == asked["created"] and found
    )
    assert len(runs) == 40
    assert {run["worker"] for run in runs} == {"one@e2e", "two@e2e"}
    assert {run["attempt"] for run in runs} == {1}
    assert sessions_begun() - before < len(runs)


def sessions_begun() -> int:
    """How many connections PostgreSQL has accepted for this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        ((sessions,),) = cursor.fetchall()
    return int(sessions)


def events_of(monitor_id: str) -> dict[str, Any] | None:
    """The monitor's events by type, read by a consumer that knows only the protocol; None until all have come."""
    found: dict[str, Any] = {}
    consumer = Consumer(
        {"bootstrap.servers": settings.ENV.kafka.bootstrap_servers, "group.id": str(uuid4())}
    )
    topics = consumer.list_topics(timeout=10).topics
    consumer.assign(
        [TopicPartition(name, part, 0) for name in TOPICS for part in topics[name].partitions]
    )
    while (message := consumer.poll(1.0)) is not None:
        event = json.loads(message.value() or b"{}")
        if event.get("subject") == monitor_id:
            found[str(message.topic())] = event
    consumer.close()
    return found if len(found) == len(TOPICS) else None
