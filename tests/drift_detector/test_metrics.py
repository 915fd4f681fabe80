"""`/metrics`, read as Prometheus would."""

from uuid import uuid4

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

MONITOR = "api/v1/monitors/<uuid:pk>"


def requests(client: Client) -> dict[tuple[str, str, str], float]:
    """How many requests were answered, by method, route and status."""
    answer = client.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.content.decode())}
    samples = families["drift_http_requests"].samples
    return {
        (each.labels["method"], each.labels["route"], each.labels["status"]): each.value
        for each in samples
        if each.name.endswith("_total")
    }


def test_metrics__a_request__is_counted_by_its_route_and_not_its_path(client: Client, api: APIClient) -> None:
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
