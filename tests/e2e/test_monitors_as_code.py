"""A file becomes the tenant's monitors: the command `drift` against web and a worker, each a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key
from tests.alerts.documents.conftest import MODEL, document_of, watch
from tests.e2e.conftest import ROOT, is_listening, launch, stopped_together, wait_until, web_command
from tests.factories import rows_of

type Drift = Callable[..., subprocess.CompletedProcess[str]]
NAMES = "SELECT name, status FROM drf_monitors ORDER BY name"
CODE = (
    "import sys; from drift_detector.commands.drift_command import run; sys.exit(run(sys.argv[1:]))"
)
WORKER = [sys.executable, "-m", "celery", "-A", "drift_detector", "worker", "--concurrency", "1"]


@pytest.fixture
def drift(committed_tenant: Tenant, tmp_path: Path) -> Iterator[Drift]:
    """The command in a process, which has logged in to a service of web and one worker."""
    with tenant_scope(committed_tenant.id):
        _, key = create_api_key(name="e2e", scopes=SCOPES[Role.ADMIN])
    port = unused_port()
    environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path / "config")}

    def run(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", CODE, *arguments],
            cwd=ROOT, env=environment, input=said, capture_output=True, text=True, check=False,
        )  # fmt: skip

    with stopped_together() as processes:
        processes.append(launch("web", web_command(port), tmp_path))
        processes.append(launch("app", WORKER, tmp_path))
        wait_until(lambda: is_listening(port))
        login = run("login", f"http://127.0.0.1:{port}", said=f"{key}\n")
        assert login.returncode == 0, login.stderr
        yield run


def test_commands__of_a_file__make_change_and_delete_its_monitors(
    drift: Drift, committed_tenant: Tenant, flights: Path, tmp_path: Path
) -> None:
    def write(*monitors: dict[str, Any], **fields: Any) -> None:
        file.write_text(yaml.safe_dump(document_of(*monitors, **fields)))

    file, budget = tmp_path / "flights.yaml", {"false_alerts_per_month": 3}
    write(watch(flights, "Flights"), watch(flights, "Far"), budget=budget)
    plan = drift("plan", str(file))
    assert (plan.returncode, plan.stdout.splitlines()[0]) == (
        1, "flights: 3 to create, 0 unchanged.",
    )  # fmt: skip
    applied = drift("apply", str(file), "--yes")
    assert applied.returncode == 0, applied.stderr
    assert rows_of(committed_tenant.id, NAMES) == [("Far", "active"), ("Flights", "active")]
    assert drift("plan", str(file)).returncode == 0
    exported = drift("export", MODEL)
    file.write_text(exported.stdout)
    assert (drift("plan", str(file)).stdout, exported.returncode) == ("flights: No change.\n", 0)
    write(watch(flights, "Flights", window="P14D"), budget=budget)
    plan = drift("plan", str(file))
    assert 'window: "P7D" -> "P14D"' in plan.stdout
    assert "- Far" in plan.stdout
    assert drift("apply", str(file), "--remove", "--yes").returncode == 0
    assert rows_of(committed_tenant.id, NAMES) == [("Flights", "active")]
    destroyed = drift("destroy", str(file), "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    left = "SELECT (SELECT count(*) FROM drf_monitors), (SELECT count(*) FROM drf_documents), count(*) FROM drf_budgets"
    assert rows_of(committed_tenant.id, left) == [(0, 0, 0)]
