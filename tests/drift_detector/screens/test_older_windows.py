"""The page of a feature reaches the window of each run, also of an old one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.screens import feature_page
from drift_detector.screens.feature_page import feature_address
from drift_detector.tenancy.models import Tenant, User
from monitors.models import Monitor
from tests.factories import make_flights_monitor, make_run


@pytest.fixture
def ana(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def watched(in_tenant: Tenant, flights: Path) -> Monitor:
    return make_flights_monitor(flights)


def judged(monitor: Monitor, week: int, **fields: Any) -> DetectionRun:
    """A run that a worker has executed."""
    run = make_run(monitor, week=week, **fields)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    return run


def test_feature_page__run_older_than_the_latest__shows_its_window(
    ana: Client, watched: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_page, "WINDOWS", 1)
    older, newer = judged(watched, 2), judged(watched, 3)
    for run in (older, newer):
        page = ana.get(feature_address(watched.id, "delay", run.id))
        assert page.status_code == 200
        assert page.context["run"].id == run.id
    assert ana.get(feature_address(watched.id, "delay")).context["run"].id == newer.id


def test_feature_page__window_judged_again__still_shows_the_first_run(
    ana: Client, watched: Monitor
) -> None:
    first = judged(watched, 3)
    judged(watched, 3, scheduled_for=first.scheduled_for + timedelta(days=1))
    page = ana.get(feature_address(watched.id, "delay", first.id))
    assert (page.status_code, page.context["run"].id) == (200, first.id)


@pytest.mark.parametrize("run_id", ["no-id", "0f6a3c1e-2f4b-4a53-8f0e-3f2b1a9d7c55"])
def test_feature_page__run_that_is_none__is_not_found(
    ana: Client, watched: Monitor, run_id: str
) -> None:
    judged(watched, 3)
    assert ana.get(feature_address(watched.id, "delay", run_id)).status_code == 404
