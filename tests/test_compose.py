"""compose.yaml can't be run here; what can be checked without an engine is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from drift_detector.embedded.processes import ALONE
from drift_detector.embedded.roles import GROUPS, LOGINS, STATEMENT_TIMEOUTS
from drift_detector.env import Environment
from drift_detector.setting_groups.group import PREFIX

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "compose.yaml").read_text())
OURS = ["web", "worker", "consumer", "beat", "reconciler", "relay", "notifier", "migrate"]


@pytest.mark.parametrize("service", OURS)
def test_compose__service__sets_what_is_required_and_nothing_unknown(service: str) -> None:
    groups = {
        name.removeprefix(PREFIX).split("__")[0].lower()
        for name in COMPOSE["services"][service]["environment"]
    }
    required = {name for name, field in Environment.model_fields.items() if field.is_required()}
    assert required <= groups <= set(Environment.model_fields)


CLOSED = [name for name in COMPOSE["services"] if name != "kafka"]
TEXT = (Path(__file__).parents[1] / "compose.yaml").read_text()


@pytest.mark.parametrize("service", CLOSED)
def test_compose__service__writes_nowhere_and_gets_no_rights(service: str) -> None:
    settings = COMPOSE["services"][service]
    assert (settings["read_only"], settings["cap_drop"]) == (True, ["ALL"])
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["mem_limit"]


def test_compose__secrets__have_no_default_and_are_written_by_the_script() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "drift_detector/compose_secrets.py"],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True,
    )  # fmt: skip
    written = dict(line.split("=") for line in done.stdout.splitlines())
    assert len(set(written.values())) == len(written)
    assert {len(secret) for secret in written.values()} == {64}
    asked = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert asked == set(written)
    secret = re.compile(r"\$\{(\w*(?:PASSWORD|KEY))(?!:\?)[:}]")
    assert secret.findall(TEXT) == []


def test_compose__images__have_the_tag_of_one_version() -> None:
    images = [each["image"] for each in COMPOSE["services"].values() if "build" not in each]
    assert [each for each in images if not re.fullmatch(r"[\w/]+:\d+\.\d+(\.\d+)?", each)] == []
    built = (Path(__file__).parents[1] / "Dockerfile").read_text()
    assert re.findall(r"^FROM python:([\d.]+)-slim", built, re.M) == ["3.13.9", "3.13.9"]
    assert re.search(r"pip install .*uv==\d+\.\d+\.\d+$", built, re.M)


def test_compose__worker__looks_for_no_others_as_with_make_run() -> None:
    assert set(ALONE) <= set(COMPOSE["services"]["worker"]["command"].split())


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("web", "web"),
        ("worker", "app"),
        ("consumer", "app"),
        ("beat", "scheduler"),
        ("relay", "relay"),
        ("notifier", "notifier"),
        ("migrate", "owner"),
    ],
)
def test_compose__service__connects_as_its_role(service: str, role: str) -> None:
    assert (
        f"//drift_{role}:" in COMPOSE["services"][service]["environment"][f"{PREFIX}DATABASE__URL"]
    )


def test_compose__init_script__makes_the_roles_of_make_run() -> None:
    script = COMPOSE["configs"]["roles"]["content"]
    made = {line.split()[2] for line in script.splitlines() if line.startswith("CREATE ROLE")}
    assert made == {*GROUPS, *LOGINS}


def test_compose__init_script__limits_statements_as_make_run_does() -> None:
    script = COMPOSE["configs"]["roles"]["content"]
    found = re.findall(r"ALTER ROLE (\w+) SET statement_timeout = '(\w+)'", script)
    assert dict(found) == STATEMENT_TIMEOUTS


@pytest.mark.parametrize("service", ["worker", "consumer", "beat", "reconciler", "relay"])
def test_compose__process_that_is_not_web__is_asked_for_its_health_where_it_listens(
    service: str,
) -> None:
    environment = COMPOSE["services"][service]["environment"]
    port = environment[f"{PREFIX}METRICS__PORT"]
    assert environment[f"{PREFIX}METRICS__HOST"] == "0.0.0.0"
    assert (
        f"http://127.0.0.1:{port}/healthz"
        in COMPOSE["services"][service]["healthcheck"]["test"][-1]
    )


def test_compose__health_check__fails_on_503_and_passes_on_200() -> None:
    command = COMPOSE["services"]["web"]["healthcheck"]["test"]
    codes = []
    for status in (503, 200):
        with answering(status) as port:
            mine = [part.replace("8000", str(port)) for part in command[2:]]
            codes.append(
                subprocess.run([sys.executable, *mine], capture_output=True, check=False).returncode
            )
    assert codes == [1, 0]


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server with one answer; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
