"""`/metrics`, read as Prometheus would."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from drift_detector.observability.metrics import observe_claim, observe_tick_lag, set_outbox
from tests.drift_detector.samples import sample

MONITOR = "api/v1/monitors/<uuid:pk>"


def requests(client: Client) -> dict[tuple[str, str, str], float]:
    """How many requests were answered, by method, route and status."""
    answer = client.get("/metrics")
    families = {
        family.name: family for family in text_string_to_metric_families(answer.content.decode())
    }
    samples = families["drift_http_requests"].samples
    return {
        (each.labels["method"], each.labels["route"], each.labels["status"]): each.value
        for each in samples
        if each.name.endswith("_total")
    }


def test_metrics__a_request__is_counted_by_its_route_and_not_its_path(
    client: Client, api: APIClient
) -> None:
    before = requests(client).get(("GET", MONITOR, "404"), 0)
    for _ in range(3):
        api.get(f"/api/v1/monitors/{uuid4()}")
    assert requests(client)[("GET", MONITOR, "404")] == before + 3


def test_metrics__unknown_paths__share_one_series(client: Client, db: None) -> None:
    before = requests(client)
    for _ in range(3):
        client.get(f"/{uuid4()}")
    after = requests(client)
    assert after[("GET", "unmatched", "404")] == before.get(("GET", "unmatched", "404"), 0) + 3
    assert len(after) <= len(before) + 2


def test_metrics__time__is_measured_by_route(client: Client, db: None) -> None:
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'drift_http_request_seconds_bucket{le="+Inf",method="GET",route="healthz"}' in text


def test_observe_tick_lag__a_minute_late__is_in_the_buckets_above() -> None:
    before = {le: sample("drift_tick_lag_seconds_bucket", le=le) for le in ("60.0", "120.0")}
    observe_tick_lag(timezone.now() - timedelta(seconds=90))
    assert sample("drift_tick_lag_seconds_bucket", le="60.0") == before["60.0"]
    assert sample("drift_tick_lag_seconds_bucket", le="120.0") == before["120.0"] + 1


def test_observe_tick_lag__clock_behind_the_tick__is_no_lag() -> None:
    before = sample("drift_tick_lag_seconds_sum")
    observe_tick_lag(timezone.now() + timedelta(seconds=90))
    assert sample("drift_tick_lag_seconds_sum") == before


def test_set_outbox__events_wait__shows_how_many_and_how_long() -> None:
    set_outbox(unpublished=3, oldest=timezone.now() - timedelta(minutes=2), dead_letters=1)
    assert (sample("drift_outbox_unpublished"), sample("drift_outbox_dead_letters")) == (3, 1)
    assert sample("drift_outbox_oldest_seconds") == pytest.approx(120, abs=5)


def test_set_outbox__nothing_waits__is_zero_old() -> None:
    set_outbox(unpublished=0, oldest=None, dead_letters=0)
    assert sample("drift_outbox_oldest_seconds") == 0


def test_observe_claim__second_attempt__is_not_counted_as_waiting() -> None:
    before = sample("drift_run_wait_seconds_count")
    observe_claim(since=timezone.now(), attempt=2)
    assert sample("drift_run_wait_seconds_count") == before
