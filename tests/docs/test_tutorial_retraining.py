"""The whole retraining loop on the demo, with the example of a consumer as its reader would start it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from dotenv import dotenv_values

from detections.runs.serializers import RunRequestSerializer
from drift_detector.demo.watch import PREDICTIONS
from drift_detector.embedded.welcome import read_demo
from tests.drift_detector.events.test_retrain_consumer import SCRIPT, database_url
from tests.factories import eventually

__all__ = ["database_url"]
WEEK = timedelta(weeks=1)
WINDOWS = 3
PATIENCE = 120
# Runs over the past say nothing of the present unless an operator asks for it.
AS_PRESENT = {"alert": True} if "alert" in RunRequestSerializer().fields else {}
type Call = Callable[..., Any]

pytestmark = pytest.mark.slow


@pytest.fixture
def call(demo: Path) -> Call:
    """Ask the running demo: `call("runs")`, `call("runs", {...})` posts."""
    access = read_demo(demo / "demo.env")

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        response = requests.request(
            "GET" if body is None else "POST",
            f"{access['URL']}/api/v1/{path}",
            headers={"Authorization": f"Bearer {access['API_KEY']}"},
            json=body,
            timeout=90,
        )
        assert response.ok, response.text
        return response.json()

    return ask


@contextmanager
def consumer(demo: Path, database: str, log: Path) -> Iterator[None]:
    access = read_demo(demo / "demo.env")
    service = dotenv_values(demo / "service.env")
    data = json.loads(service["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] or "[]")
    variables = {
        "PATH": os.environ["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": str(service["AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS"]),
        "DATABASE_URL": database,
        "DRIFT_URL": access["URL"],
        "DRIFT_KEY": access["API_KEY"],
        "DATA": f"{data[0]}/flights",
        "REPLAY": "1",
    }
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, str(SCRIPT)], env=variables, stderr=stderr)
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def check_weeks(call: Call, monitor_id: str, start: datetime) -> None:
    """The weeks that follow the training range, as the schedule would check them."""
    for week in range(WINDOWS):
        begin = start + week * WEEK
        window = {"start": begin.isoformat(), "end": (begin + WEEK).isoformat()}
        run = call(f"monitors/{monitor_id}/run?wait=60", {"window": window, **AS_PRESENT})
        assert run["status"] == "succeeded", run


def test_loop__on_the_demo__trains_deploys_and_ends_effective(
    demo: Path, call: Call, database_url: str, tmp_path: Path
) -> None:
    [monitor] = [each for each in call("monitors")["results"] if each["name"] == PREDICTIONS]
    with consumer(demo, database_url, tmp_path / "log"):
        path = "retraining-requests?status=deployed"
        [request] = eventually(lambda: call(path)["results"], seconds=PATIENCE)
        baseline = f"monitors/{monitor['id']}"
        eventually(lambda: call(baseline)["baseline"]["version"] > 1, seconds=PATIENCE)
        eventually(lambda: call(baseline)["baseline"]["status"] == "ready", seconds=PATIENCE)
        check_weeks(call, monitor["id"], datetime.fromisoformat(request["trained_to"]))
        verified = call(f"retraining-requests/{request['id']}")
        assert verified["status"] == "effective", verified
        verdicts = "SELECT verdict FROM trainings WHERE verdict IS NOT NULL"
        with psycopg.connect(database_url, autocommit=True) as database:
            found = eventually(lambda: database.execute(verdicts).fetchall(), seconds=PATIENCE)
    assert found == [("effective",)]
    assert verified["trained_from"] == request["suggested_from"]
    assert "retraining was effective" in (tmp_path / "log").read_text()
