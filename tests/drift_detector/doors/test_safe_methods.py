"""Asks for every address by GET, and looks at what the database is asked to change."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from alerts.models import Alert
from algorithms.verdicts import Severity
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import User
from monitors.models import Monitor
from tests.factories import drift_result, make_backtest, make_run, take

ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
CHANGES = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|MERGE)\b\s+(?:INTO\s+|FROM\s+)?\"?(\w+)")
KEPT = {"django_session", "drf_audit"}
"""Tables that looking changes by intent: when the session was last used, and who looked."""


def routes(resolver: URLResolver, above: str = "") -> Iterator[str]:
    """All addresses, with their arguments still in them."""
    for each in resolver.url_patterns:
        route = above + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each, route)
        elif isinstance(each, URLPattern):
            yield route


ROUTES = sorted({each for each in routes(get_resolver()) if "(?P" not in each})


def filled(route: str, ids: dict[str, UUID]) -> str:
    """The address of a row that is there, for the kinds of rows that the world has."""
    kind = next((each for each in ids if f"{each}/" in route), "")
    known = str(ids.get(kind, uuid4()))
    return "/" + ARGUMENT.sub(lambda found: "csv" if found[2] == "form" else known, route)


@pytest.fixture
def ids(flights_monitor: Monitor) -> dict[str, UUID]:
    run = make_run(flights_monitor)
    complete_run(take(run), drift_result(Severity.CRITICAL, baseline_id=run.baseline_id))
    alert = Alert.objects.get()
    return {
        "monitor": flights_monitor.id,
        "monitors": flights_monitor.id,
        "run": run.id,
        "runs": run.id,
        "alert": alert.id,
        "alerts": alert.id,
        "backtests": make_backtest(flights_monitor).id,
    }


@pytest.fixture
def changes() -> Iterator[list[str]]:
    """The tables that statements would change from now on."""
    found: list[str] = []

    def look(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        found.extend(table for _, table in CHANGES.findall(str(sql)) if table not in KEPT)
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield found


def test_get__of_every_address__changes_nothing(
    client: Client, staff: User, ids: dict[str, UUID], changes: list[str]
) -> None:
    client.force_login(staff)
    changes.clear()
    changed = {}
    for route in ROUTES:
        answer = client.get(filled(route, ids))
        answer.getvalue()
        assert answer.status_code < 500, route
        if changes:
            changed[route] = list(changes)
        changes.clear()
    assert changed == {}
