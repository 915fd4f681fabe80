"""The headers that bound what a browser does with an answer."""

import os
import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client
from rest_framework.test import APIClient

from detections.models import DetectionRun, Report
from drift_detector.front.answers import refusal
from drift_detector.tenancy.models import User

ROOT = Path(__file__).resolve().parents[3]
PAGES = ["/admin/", "/admin/login/", "/admin/monitors/monitor/", "/admin/no-such-page/"]
POLICY = "Content-Security-Policy"


def policy_of(answer: HttpResponseBase) -> dict[str, set[str]]:
    """The directives of an answer's policy, as a browser reads them."""
    parts = (each.split() for each in answer[POLICY].split(";") if each.strip())
    return {name: set(values) for name, *values in parts}


@pytest.fixture
def signed_in(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_page__of_the_admin__brings_no_script_and_is_in_no_frame(
    signed_in: Client, path: str
) -> None:
    answer = signed_in.get(path)
    policy = policy_of(answer)
    assert policy["script-src"] == {"'self'", "'unsafe-eval'"}
    assert (policy["object-src"], policy["base-uri"]) == ({"'none'"}, {"'none'"})
    assert (policy["form-action"], policy["default-src"]) == ({"'self'"}, {"'none'"})
    assert (policy["frame-ancestors"], answer["X-Frame-Options"]) == ({"'none'"}, "DENY")
    assert "no-store" in answer["Cache-Control"]


def test_page__with_a_provider__may_send_a_form_there_as_well(
    client: Client, db: None, override: Callable[..., None]
) -> None:
    override(oidc={"issuer": "https://login.example.com/realms/a", "client_id": "drift"})
    assert policy_of(client.get("/admin/login/"))["form-action"] == {
        "'self'", "https://login.example.com",
    }  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_page__of_the_admin__has_no_script_inside(signed_in: Client, path: str) -> None:
    html = signed_in.get(path).content.decode()
    scripts = html.split("<script")[1:]
    assert all("src=" in each.split(">")[0] for each in scripts)


def test_docs__page_and_script__need_neither_inline_nor_eval(client: Client, db: None) -> None:
    page = client.get("/api/v1/docs")
    assert policy_of(page)["script-src"] == {"'self'"}
    assert page.content.count(b"<script") == page.content.count(b"<script src=")
    script = client.get("/api/v1/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/v1/schema" in script.content


def test_api__any_answer__is_not_kept_and_does_nothing(api: APIClient) -> None:
    for path in ("/api/v1/monitors", "/api/v1/monitors/none", "/api/v1/dashboard"):
        answer = api.get(path)
        assert answer["Cache-Control"] == "no-store"
        assert policy_of(answer)["default-src"] == {"'none'"}


def test_schema__asked_again_with_its_tag__is_not_sent_again(api: APIClient) -> None:
    first = api.get("/api/v1/schema")
    again = api.get("/api/v1/schema", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again["Cache-Control"]) == (304, "no-cache")


def test_report__its_document__is_framed_by_our_page_alone(
    api: APIClient, run: DetectionRun
) -> None:
    Report.objects.create(
        tenant_id=run.tenant_id, run=run, status=Report.Status.READY, html="<p>1</p>"
    )
    answer = api.get(f"/api/v1/runs/{run.id}/report")
    policy = policy_of(answer)
    assert policy["sandbox"] == {"allow-scripts", "allow-downloads"}
    assert (policy["frame-ancestors"], answer["X-Frame-Options"]) == ({"'self'"}, "SAMEORIGIN")
    assert answer["Cache-Control"] == "no-store"


def test_refusal__of_the_front__may_do_nothing() -> None:
    headers = dict(refusal("/admin/", HTTPStatus.REQUEST_TIMEOUT, "Too slow.").headers)
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert headers[b"cache-control"] == b"no-store"


def test_hsts__over_tls__is_a_year_for_this_host_alone(
    client: Client, db: None, override: Callable[..., None]
) -> None:
    assert "Strict-Transport-Security" not in client.get("/api/v1/docs", secure=True)
    checked = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env=environment_with_tls(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def environment_with_tls() -> dict[str, str]:
    tls = {
        "AUMOS_DRIFT_CSRF_TRUSTED_ORIGINS": '["https://drift.example.com"]',
        "AUMOS_DRIFT_ALLOWED_HOSTS": '["drift.example.com"]',
        "AUMOS_DRIFT_SECRET_KEY": settings.SECRET_KEY + "0123456789" * 5,
    }
    return os.environ | tls
