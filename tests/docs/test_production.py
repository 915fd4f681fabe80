"""The README's production section, read against compose.yaml, the settings and the service's commands."""

import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from django.core.management import call_command
from dotenv import dotenv_values

from drift_detector.tenancy.models import ApiKey, Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.test_env import start

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
HEREDOC = re.compile(r"^cat >>? (\S+) <<'END'\n(.*?)^END\n", re.MULTILINE | re.DOTALL)
SECTION = (ROOT / "README.md").read_text().partition("## In production")[2]
BLOCK = SECTION.partition("```bash\n")[2].partition("```")[0]
FILES = {
    name: dotenv_values(stream=StringIO(lines), interpolate=False)
    for name, lines in HEREDOC.findall(BLOCK)
}
COMMANDS = [shlex.split(line, comments=True) for line in HEREDOC.sub("cat\n", BLOCK).splitlines()]
RUNS = [each[4:] for each in COMMANDS if each[:4] == ["docker", "compose", "run", "--rm"]]


def test_commands__from_nothing_to_a_first_tenant__are_ten() -> None:
    assert len(COMMANDS) == 10
    assert (ROOT / COMMANDS[0][1]).is_file()


def test_env_file__each_name__is_one_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert FILES[".env"].keys() <= asked


def test_web_env__settings_of_single_sign_on__are_taken() -> None:
    assert start(**FILES["web.env"]).returncode == 0


def test_compose_commands__services_and_profiles__are_there() -> None:
    up = next(each for each in COMMANDS if "up" in each)
    profiles = {name for each in COMPOSE["services"].values() for name in each.get("profiles", [])}
    assert up[up.index("--profile") + 1] in profiles
    assert up[up.index("--scale") + 1].partition("=")[0] in COMPOSE["services"]
    assert {each[0] for each in RUNS} == {"commands"}
    assert COMPOSE["services"]["commands"]["entrypoint"] == ["python", "manage.py"]


def test_up__migrate_ends_by_itself__is_no_failure_to_wait_for() -> None:
    """Compose waits for the end of a service, and not for its health, where others wait for that end."""
    depends = COMPOSE["services"]["web"]["depends_on"]["migrate"]
    assert depends == {"condition": "service_completed_successfully"}


def printed(name: str, *arguments: str) -> str:
    """What a command of the service prints."""
    output = StringIO()
    call_command(name, *arguments, stdout=output)
    return output.getvalue().strip()


@pytest.mark.django_db
def test_service_commands__as_printed__make_a_tenant_and_a_key() -> None:
    (_, *create_tenant), (_, *create_key) = RUNS
    tenant_id = printed(*create_tenant)
    key = printed(*(tenant_id if each == "TENANT_ID" else each for each in create_key))
    with tenant_scope(UUID(tenant_id)):
        tenant, made = Tenant.objects.get(), ApiKey.objects.get()
    assert (tenant.slug, tenant.name, made.name) == ("acme", "Acme Bank", "pipeline")
    assert key.startswith("adk_")
