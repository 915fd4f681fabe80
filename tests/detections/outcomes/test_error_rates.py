from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from detections.models import ErrorBin, OutcomeStream, SignalChange
from detections.outcomes.error_bins import MOST_BINS, WIDTHS, add_errors
from detections.outcomes.ingest import lock_stream
from monitors.models import Monitor

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def add(stream: OutcomeStream, times: list[datetime], errors: list[float]) -> None:
    add_errors(
        stream, pa.chunked_array([pa.array(times, pa.timestamp("us", "UTC"))]), np.array(errors)
    )


@pytest.fixture
def stream(monitor: Monitor) -> OutcomeStream:
    return lock_stream(monitor.id, "default")


def read(api: APIClient, monitor: Monitor, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/monitors/{monitor.id}/error-rates", query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_error_bins__two_batches__add_up(
    viewer_api: APIClient, monitor: Monitor, stream: OutcomeStream
) -> None:
    add(stream, [BEGIN, BEGIN + timedelta(minutes=20)], [1.0, 0.5])
    add(stream, [BEGIN + timedelta(minutes=5)], [0.0])
    found = read(viewer_api, monitor)
    assert found["bin_seconds"] == WIDTHS[0]
    assert [(each["outcomes"], each["error_rate"]) for each in found["bins"]] == [
        (2, 0.5),
        (1, 0.5),
    ]


def test_error_bins__years_of_outcomes__are_bounded(
    api: APIClient, monitor: Monitor, stream: OutcomeStream
) -> None:
    for year in range(2):
        times = [BEGIN + timedelta(days=365 * year, hours=6 * step) for step in range(1400)]
        add(stream, times, [0.25] * len(times))
    counts = [ErrorBin.objects.filter(stream=stream, width=width).count() for width in WIDTHS]
    assert max(counts) <= MOST_BINS
    found = read(api, monitor)
    assert found["bin_seconds"] == WIDTHS[-1]
    assert sum(each["outcomes"] for each in found["bins"]) == 2800


def test_error_bins__recent_span__has_finer_bins(
    api: APIClient, monitor: Monitor, stream: OutcomeStream
) -> None:
    times = [BEGIN + timedelta(hours=step) for step in range(2000)]
    add(stream, times, [0.0] * len(times))
    found = read(api, monitor, **{"from": (times[-1] - timedelta(days=1)).isoformat()})
    assert found["bin_seconds"] == WIDTHS[0]


def test_error_bins__outcome_of_the_far_future__pushes_nothing_out(
    monitor: Monitor, stream: OutcomeStream
) -> None:
    add(stream, [BEGIN, timezone.now() + timedelta(days=900)], [1.0, 1.0])
    assert {each.start.year for each in ErrorBin.objects.all()} <= {2024, 2023}


def test_error_rates__errors_rise__has_warnings_and_the_drift_with_times(
    api: APIClient, monitor: Monitor
) -> None:
    Monitor.objects.filter(id=monitor.id).update(concept_methods=["ddm", "adwin"])
    rng, rows = np.random.default_rng(1), []
    for step in range(4000):
        is_error = rng.random() < (0.1 if step < 2000 else 0.6)
        at = (BEGIN + timedelta(minutes=step)).isoformat()
        rows.append({"occurred_at": at, "prediction": 1, "label": 0 if is_error else 1})
    for start in range(0, 4000, 1000):
        answer = api.post(f"/api/v1/monitors/{monitor.id}/outcomes", rows[start : start + 1000])
        assert answer.status_code == 200, answer.content
    found = read(api, monitor, stream="default")
    drifts = [each for each in found["signals"] if each["signal"] == "drift"]
    assert {each["method"] for each in drifts} == {"adwin", "ddm"}
    assert any(each["signal"] == "warning" for each in found["signals"])
    for drift in drifts:
        assert drift["before"] < drift["after"]
        assert drift["changed_at"] <= drift["occurred_at"]
        sequence = drift["sequence"] - 1
        moment = datetime.fromisoformat(drift["occurred_at"])
        assert moment == BEGIN + timedelta(minutes=sequence)
    assert found["bins"][-1]["error_rate"] > 0.4
    assert SignalChange.objects.count() <= 400


def test_error_rates__monitor_without_outcomes__is_empty(api: APIClient, monitor: Monitor) -> None:
    found = read(api, monitor, stream="nope")
    assert (found["bins"], found["streams"], found["stream"]) == ([], [], "nope")


def test_error_rates__bad_span_or_other_tenant__is_refused(
    api: APIClient, other_api: APIClient, monitor: Monitor
) -> None:
    url = f"/api/v1/monitors/{monitor.id}/error-rates"
    query = {"from": "2024-01-02T00:00:00Z", "to": "2024-01-01T00:00:00Z"}
    assert api.get(url, query).status_code == 400
    assert other_api.get(url).status_code == 404
