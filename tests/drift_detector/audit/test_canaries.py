"""Secrets that are planted by each way in come out by none: logs, traces, metrics, messages, answers, pages, tables."""

import base64
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from alerts.models import Alert
from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.observability import tracing
from drift_detector.tenancy.models import Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import add_member
from monitors.models import Monitor
from tests.conftest import authorization_of
from tests.drift_detector.collector import Collector, collecting
from tests.factories import make_flights_monitor, make_run

PASSWORD, WRONG_PASSWORD = "canary-password-1", "canary-password-2"
WEBHOOK_TOKEN = "canary-webhook-token"
WRONG_KEY = "adk_canary-wrong-key"
SENSITIVE = "canary-sensitive-value"
QUERY_SECRET = "canary-in-a-query"
MARKER = "Harmless-marker"
TABLES = r"""
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname LIKE 'drf\_%'
"""

type Places = dict[str, str]


class Lines(logging.Handler):
    """Keeps each record, as it was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.name} {record.msg} {record.args} {record.exc_info}\n"


@pytest.fixture
def lines() -> Iterator[Lines]:
    """All that is logged, of every level."""
    root, handler = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def collector(override: Callable[..., None]) -> Iterator[Collector]:
    """A collector of traces that the service sends to."""
    with collecting() as collector:
        override(tracing={"endpoint": collector.url}, notifier={"allowed_hosts": ["127.0.0.1"]})
        tracing._spans.cache_clear()
        yield collector
        spans = tracing._spans()
        assert spans is not None
        spans._provider.shutdown()
        tracing._spans.cache_clear()


@pytest.fixture
def monitor(committed_tenant: Tenant, flights: Path) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_flights_monitor(flights, name=MARKER, sensitive_features=["carrier"])


@pytest.fixture
def ana(committed_tenant: Tenant, override: Callable[..., None]) -> None:
    """A person who is an admin of the tenant, and signs in by a password alone."""
    override(sign_in={"second_factor": "nobody"})
    user = User.objects.create_user("ana", password=PASSWORD, is_staff=True)
    with tenant_scope(committed_tenant.id):
        add_member(user=user, role=Role.ADMIN)


def sign_in(client: Client) -> str:
    """A wrong and a right password; returns the cookie of the session."""
    for password in (WRONG_PASSWORD, PASSWORD):
        client.post("/admin/login/", {"username": "ana", "password": password})
    return client.cookies["sessionid"].value


def use_api(api: APIClient, client: Client, monitor: Monitor) -> str:
    """Requests that are right, wrong and refused; returns their answers, but for the one that shows a secret."""
    address = f"http://127.0.0.1:9/hooks/{WEBHOOK_TOKEN}"
    made = api.post("/api/v1/channels", {"name": "Hook", "kind": "webhook", "address": address})
    assert made.status_code == 201, made.content
    rows = {"delay": [1.0] * 60, "distance": [500] * 60, "carrier": [SENSITIVE] * 60}
    asked = api.post(f"/api/v1/monitors/{monitor.id}/run", {"current_data": rows})
    assert asked.status_code == 202, asked.content
    answers: list[Any] = [
        asked,
        api.get("/api/v1/channels"),
        api.post(f"/api/v1/channels/{made.json()['id']}/test"),
        api.post("/api/v1/channels", {"name": "Hook", "kind": "nothing", "address": address}),
        client.get("/api/v1/monitors", headers={"Authorization": f"Bearer {WRONG_KEY}"}),
        client.get("/api/v1/monitors", {"token": QUERY_SECRET}),
        api.get("/api/v1/monitors"),
        api.get("/api/v1/audit"),
    ]
    for run_id in runs(monitor.tenant_id, status="queued"):
        execute(tenant_id=monitor.tenant_id, run_id=run_id, worker="worker-1")
    answers += [api.get(f"/api/v1/{each}") for each in ("runs", "detections", "alerts")]
    return f"{made.json()['secret']}\n" + "\n".join(each.content.decode() for each in answers)


def runs(tenant_id: UUID, **fields: Any) -> list[UUID]:
    with tenant_scope(tenant_id):
        return list(DetectionRun.objects.filter(**fields).values_list("id", flat=True))


def pages(client: Client, monitor: Monitor) -> str:
    """The pages of the admin about all that was done."""
    lists = ("alerts_channel", "tenancy_apikey", "audit_auditentry", "detections_detectionrun")
    addresses = [reverse(f"admin:{each}_changelist") for each in lists]
    addresses += [reverse("screens:monitor", args=[monitor.id])]
    addresses += [reverse("screens:run", args=[run_id]) for run_id in runs(monitor.tenant_id)]
    with tenant_scope(monitor.tenant_id):
        alerts = list(Alert.objects.values_list("id", flat=True))
    addresses += [reverse("screens:alert", args=[alert_id]) for alert_id in alerts]
    return "\n".join(client.get(each).content.decode() for each in addresses)


def tables(tenant_id: UUID) -> str:
    """All rows of our tables, as text."""
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(TABLES)
        names = [name for (name,) in cursor.fetchall()]
        found = []
        for name in names:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {name} AS t")
            found.append(cursor.fetchall()[0][0])
    return "\n".join(found)


def messages() -> str:
    """All that lies in Valkey."""
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        lists = [key for key in client.keys("*") if "list" in str(client.type(key))]
        sent = [json.loads(each) for key in lists for each in client.lrange(key, 0, -1)]
        bodies = [base64.b64decode(each["body"]).decode() for each in sent]
        return "\n".join([*bodies, *map(str, sent), str(client.keys("*"))])


def spans(collector: Collector) -> str:
    tracing.flush()
    return "\n".join(str(span) for span in list(collector.spans))


def test_canaries__planted_by_each_way_in__come_out_by_none(
    client: Client, ana: None, committed_tenant: Tenant, monitor: Monitor, lines: Lines,
    collector: Collector, empty_broker: None,
) -> None:  # fmt: skip
    tenant_id = committed_tenant.id
    key = authorization_of(tenant_id, Role.ADMIN).removeprefix("Bearer ")
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    with tenant_scope(tenant_id):
        make_run(monitor, week=3)
    cookie = sign_in(client)
    secret, answers = use_api(api, client, monitor).split("\n", 1)
    places: Places = {
        "answers": answers,
        "pages": pages(client, monitor),
        "tables": tables(tenant_id),
        "messages": messages(),
        "metrics": client.get("/metrics").content.decode(),
        "traces": spans(collector),
        "logs": lines.text,
    }
    canaries = [
        key, secret, cookie, PASSWORD, WRONG_PASSWORD, WEBHOOK_TOKEN, WRONG_KEY, SENSITIVE, QUERY_SECRET,
        settings.SECRET_KEY, settings.ENV.encryption.key.get_secret_value(),
    ]  # fmt: skip
    assert all(len(each) > 10 for each in canaries)
    found = {(place, each) for place, text in places.items() for each in canaries if each in text}
    assert found == set()
    seen = {place for place, text in places.items() if MARKER in text or str(tenant_id) in text}
    assert {"answers", "pages", "tables", "messages", "logs"} <= seen
    assert "http.response.status_code" in places["traces"]
    assert "drift_" in places["metrics"]
