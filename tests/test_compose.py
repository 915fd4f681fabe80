"""compose.yaml can't be run here; what can be checked without an engine is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from drift_detector.embedded.roles import GROUPS, LOGINS
from drift_detector.env import PREFIX, Environment

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "compose.yaml").read_text())
OURS = ["web", "worker", "consumer", "beat", "reconciler", "relay", "migrate"]


@pytest.mark.parametrize("service", OURS)
def test_compose__service__sets_what_is_required_and_nothing_unknown(service: str) -> None:
    groups = {name.removeprefix(PREFIX).split("__")[0].lower() for name in COMPOSE["services"][service]["environment"]}
    required = {name for name, field in Environment.model_fields.items() if field.is_required()}
    assert required <= groups <= set(Environment.model_fields)


@pytest.mark.parametrize(
    ("service", "role"),
    [("web", "app"), ("consumer", "app"), ("beat", "scheduler"), ("relay", "relay"), ("migrate", "owner")],
)
def test_compose__service__connects_as_its_role(service: str, role: str) -> None:
    assert f"//drift_{role}:" in COMPOSE["services"][service]["environment"][f"{PREFIX}DATABASE__URL"]


def test_compose__init_script__makes_the_roles_of_make_run() -> None:
    script = COMPOSE["configs"]["roles"]["content"]
    made = {line.split()[2] for line in script.splitlines() if line.startswith("CREATE ROLE")}
    assert made == {*GROUPS, *LOGINS}
