"""`manage.py check_baselines` after an upgrade: baselines without a contract, and their references."""

import re
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from drift_detector.celery import app
from tests.conftest import connected_as, role_url
from tests.factories import rows_of, wake_ups

type Facts = dict[str, Any]

pytestmark = pytest.mark.usefixtures("upgraded", "empty_broker")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("check_baselines", *arguments, stdout=out)
    return out.getvalue()


def run_to_1(*arguments: str) -> str:
    """The output of the command, which ends with exit code 1."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_baselines", *arguments, stdout=out)
    assert ended.value.code == 1
    return out.getvalue()


@pytest.fixture
def acme(facts: Facts) -> Facts:
    tenant: Facts = facts["tenants"][0]
    return tenant


@pytest.fixture
def rival(facts: Facts) -> Facts:
    tenant: Facts = facts["tenants"][1]
    return tenant


def lines_of(table: str, monitor_id: str) -> list[str]:
    return [line for line in table.splitlines() if monitor_id in line]


def versions_of(tenant: Facts) -> dict[str, int]:
    """The newest version of each monitor."""
    query = "SELECT monitor_id::text, max(version) FROM drf_baselines GROUP BY monitor_id"
    return dict(rows_of(UUID(tenant["id"]), query))


def test_check_baselines__of_before__have_no_contract(acme: Facts, rival: Facts) -> None:
    table = run_to_1(acme["id"], rival["id"])
    for monitor_id in [*acme["exact"], *rival["exact"]]:
        (line,) = lines_of(table, monitor_id)
        assert re.search(r" 1 +no +(same|gone) ", line)


def test_check_baselines__reference_gone__is_named_with_the_reason(acme: Facts) -> None:
    (line,) = lines_of(run_to_1(acme["id"]), acme["gone"])
    assert line.startswith("acme ")
    assert "Flights, reference gone" in line
    assert line.endswith("gone       -          There is nothing at ‘gone’.")


def test_check_baselines__one_tenant__names_no_monitor_of_another(
    acme: Facts, rival: Facts
) -> None:
    assert not lines_of(run_to_1(rival["id"]), acme["gone"])


def test_check_baselines__rows_of_the_reference_missing__is_changed(
    rival: Facts, old_data: Path
) -> None:
    week, aside = old_data / "rival/shops/week1.csv", old_data / "week1.csv"
    week.rename(aside)
    try:
        table = run_to_1(rival["id"], "--rebuild")
    finally:
        aside.rename(week)
    (line,) = lines_of(table, rival["exact"][0])
    assert re.search(r"changed +- +The reference had 600 rows and has 300\.$", line)
    assert versions_of(rival)[rival["exact"][0]] == 1


def test_check_baselines__file_of_the_reference_damaged__is_unreadable(
    acme: Facts, old_data: Path
) -> None:
    week = old_data / "acme/flights/week1.parquet"
    whole = week.read_bytes()
    week.write_bytes(whole[:1000])
    try:
        (line,) = lines_of(run_to_1(acme["id"], "--rebuild"), acme["exact"][1])
    finally:
        week.write_bytes(whole)
    assert "  unreadable  -  " in line
    assert "week1.parquet" in line


def test_check_baselines__rebuild__requests_those_whose_reference_is_the_same(
    acme: Facts,
) -> None:
    before = versions_of(acme)
    table = run_to_1(acme["id"], "--rebuild")
    requested = {each for each in before if "version 2" in "".join(lines_of(table, each))}
    assert {
        each for each, version in versions_of(acme).items() if version > before[each]
    } == requested
    assert acme["gone"] not in requested
    assert len(requested) == 3
    assert {message["tenant_id"] for message in wake_ups("monitors.build_baseline")} == {acme["id"]}


def test_check_baselines__rebuild_again__requests_nothing_more(acme: Facts) -> None:
    before = versions_of(acme)
    table = run_to_1(acme["id"], "--rebuild")
    assert table.count("under way") == 4
    assert versions_of(acme) == before


def test_check_baselines__rebuilt__have_a_contract(rival: Facts) -> None:
    run(rival["id"], "--rebuild")
    building = "SELECT id::text FROM drf_baselines WHERE status = 'building'"
    for (baseline_id,) in rows_of(UUID(rival["id"]), building):
        app.tasks["monitors.build_baseline"](tenant_id=rival["id"], baseline_id=baseline_id)
    _, *lines = run(rival["id"]).splitlines()
    assert len(lines) == len(rival["exact"])
    assert all(re.search(r" 2 +yes +- +-$", line) for line in lines)


def test_check_baselines__list_tenants__needs_the_schedulers_login(
    acme: Facts, rival: Facts
) -> None:
    with connected_as(role_url("scheduler")):
        assert run("--list-tenants").split() == sorted([acme["id"], rival["id"]])
    with pytest.raises(CommandError, match="drift_commands sees no tenant"):
        run("--list-tenants")


def test_check_baselines__unknown_tenant__is_refused() -> None:
    with pytest.raises(CommandError, match="There is no tenant"):
        run(str(uuid4()))


@pytest.mark.parametrize("arguments", [[], [str(uuid4()), "--list-tenants"]])
def test_check_baselines__tenants_or_their_list__is_needed(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="needs the ids of tenants, or --list-tenants"):
        run(*arguments)
