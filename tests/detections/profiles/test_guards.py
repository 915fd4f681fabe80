"""What keeps values and rows of others out of profiles and series; each test fails without its guard."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from algorithms.picture_format import unpack
from detections.models import BaselineFrame, RunProfile
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.detections.profiles.test_sensitive import (
    MARKERS,
    SENSITIVE,
    judge,
    watched,
)
from tests.detections.profiles.test_views import judged, read, series_url
from tests.factories import make_flights_monitor

__all__ = ["watched"]

VALUES = ("edges", "usual", "names")


def mark(monitor: Monitor, *names: str) -> None:
    """Mark these features as sensitive and no others."""
    Monitor.objects.filter(id=monitor.id).update(sensitive_features=list(names))
    monitor.refresh_from_db()


def frames_of(monitor: Monitor) -> dict[str, Any]:
    """The stored frames of the monitor's only baseline, by the names of features."""
    [stored] = BaselineFrame.objects.all()
    return {each["name"]: each for each in unpack(bytes(stored.content))}


@pytest.mark.parametrize("feature", SENSITIVE)
def test_series__marked_after_the_run__shows_shares_alone(
    watched: Monitor, api: APIClient, feature: str
) -> None:
    mark(watched)
    judge(watched, 1)
    mark(watched, *SENSITIVE)
    found = api.get(series_url(watched), {"feature": feature})
    assert not [each for each in MARKERS if each in found.content.decode()]
    [point] = found.json()["points"]
    assert point["quantiles"] is None
    assert point["null_rate"]["current"] is not None
    assert found.json()["is_sensitive"]


def test_profile__marked_after_the_run__shows_shares_alone(
    watched: Monitor, api: APIClient
) -> None:
    mark(watched)
    run = judge(watched, 1)
    mark(watched, *SENSITIVE)
    found = api.get(f"/api/v1/runs/{run.id}/profile")
    assert not [each for each in MARKERS if each in found.content.decode()]
    hidden = [each for each in found.json()["features"] if each["feature"] in SENSITIVE]
    assert [each["is_sensitive"] for each in hidden] == [True, True]
    assert all(each["shares"]["current"] for each in hidden)


def test_frame__marked_then_judged__is_stored_without_values(
    watched: Monitor, django_capture_on_commit_callbacks: Any
) -> None:
    mark(watched)
    with django_capture_on_commit_callbacks(execute=True):
        judge(watched, 1)
    assert all(frames_of(watched)[name].keys() & {*VALUES} for name in SENSITIVE)
    mark(watched, *SENSITIVE)
    judge(watched, 2)
    assert not any(frames_of(watched)[name].keys() & {*VALUES} for name in SENSITIVE)


def test_frame__no_longer_marked__gets_its_values_again(watched: Monitor) -> None:
    judge(watched, 1)
    mark(watched)
    judge(watched, 2)
    assert all(frames_of(watched)[name].keys() & {*VALUES} for name in SENSITIVE)


def test_series__monitors_of_one_tenant__have_their_own_windows(
    api: APIClient, in_tenant: Tenant, flights_monitor: Monitor, flights: Any
) -> None:
    other = make_flights_monitor(flights)
    runs = [judged(each, week=week) for each, week in ((flights_monitor, 3), (other, 2))]
    for monitor, run in zip((flights_monitor, other), runs, strict=True):
        whole = read(api, series_url(monitor))
        one = read(api, series_url(monitor), feature="delay")
        assert [each["run_id"] for each in whole["windows"]] == [str(run.id)]
        assert [each["run_id"] for each in one["points"]] == [str(run.id)]


def test_rows__scope_of_another_tenant__sees_no_profile(
    flights_monitor: Monitor, other_tenant: Tenant
) -> None:
    judged(flights_monitor, week=3)
    with tenant_scope(other_tenant.id):
        assert not RunProfile.objects.exists()
        assert not BaselineFrame.objects.exists()


@pytest.mark.parametrize("query", [{}, {"feature": "delay"}, {"windows": 1}])
def test_series__another_tenant_or_nobody__gets_nothing(
    other_api: APIClient, flights_monitor: Monitor, query: dict[str, Any]
) -> None:
    judged(flights_monitor, week=3)
    assert other_api.get(series_url(flights_monitor), query).status_code == 404
    assert APIClient().get(series_url(flights_monitor), query).status_code == 401
