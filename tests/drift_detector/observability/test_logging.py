"""Logs as a collector gets them: what a process writes to its standard error."""

import json
import os
import subprocess
import sys
from typing import Any

TENANT = "0190a7d8-0000-7000-8000-000000000001"
SETUP = """
import django, structlog, logging
from uuid import UUID
django.setup()
log = structlog.get_logger("ours")
"""


def lines(code: str, **variables: str) -> list[str]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "drift_detector.settings",
        "AUMOS_DRIFT_LOG__LEVEL": "INFO",
    }
    command = [sys.executable, "-c", SETUP + code]
    process = subprocess.run(
        command, env=environment | variables, capture_output=True, text=True, check=True
    )
    return process.stderr.splitlines()


def records(code: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(code)]


def test_logs__inside_a_scope__are_json_with_the_tenants_id() -> None:
    code = f"""
from drift_detector.tenancy.scope import tenant_scope
with tenant_scope(UUID({TENANT!r})):
    log.info("inside", monitor_id="m")
log.info("outside")
"""
    inside, outside = records(code)
    assert (inside["event"], inside["tenant_id"], inside["monitor_id"]) == ("inside", TENANT, "m")
    assert (inside["level"], inside["logger"]) == ("info", "ours")
    assert "tenant_id" not in outside


def test_logs__inside_a_task__carry_the_ids_of_its_message() -> None:
    code = f"""
from celery import shared_task
from drift_detector.celery import app
from tasks.base import LoggedTask

@shared_task(name="test.task", base=LoggedTask)
def task(*, tenant_id, monitor_id, run_id):
    log.info("working")

app.tasks["test.task"](tenant_id={TENANT!r}, monitor_id="m", run_id="r")
"""
    [record] = records(code)
    assert {name: record[name] for name in ("tenant_id", "monitor_id", "run_id")} == {
        "tenant_id": TENANT, "monitor_id": "m", "run_id": "r"
    }  # fmt: skip


def test_logs__of_libraries__are_json_too() -> None:
    [record] = records('logging.getLogger("someone.else").warning("it is %s", "so")')
    assert (record["event"], record["logger"], record["level"]) == (
        "it is so",
        "someone.else",
        "warning",
    )


def test_logs__exception__tells_where_but_not_the_values_of_variables() -> None:
    code = """
def sign_in(password):
    raise RuntimeError("no")
try:
    sign_in("hunter" + "2")
except RuntimeError:
    log.exception("failed")
"""
    [record] = records(code)
    assert record["exception"][0]["exc_type"] == "RuntimeError"
    assert "sign_in" in json.dumps(record)
    assert "hunter2" not in json.dumps(record)


def test_logs__below_the_level__are_left_out() -> None:
    assert [record["event"] for record in records('log.debug("no"); log.info("yes")')] == ["yes"]


def test_logs__for_people__are_no_json() -> None:
    [line] = lines('log.info("hello", monitor_id="m")', AUMOS_DRIFT_LOG__FORMAT="console")
    assert "hello" in line
    assert not line.startswith("{")
