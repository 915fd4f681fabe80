"""The whole way over a provider that others wrote (`oidc-provider-mock`, on authlib), as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from drift_detector.embedded.state import unused_port
from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.oidc.signing_keys import provider_keys
from drift_detector.tenancy.selection import memberships_of

GROUPS = {"ml": [{"tenant": "acme", "role": "operator"}]}
PATIENCE_SECONDS = 120


@pytest.fixture
def issuer() -> Iterator[str]:
    port = unused_port()
    command = [
        sys.executable,
        "-m",
        "oidc_provider_mock",
        "--port",
        str(port),
        "--require-nonce",
        "true",
    ]
    environment = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield _ready(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _ready(url: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/.well-known/openid-configuration", timeout=5).ok:
                return url
        except requests.ConnectionError:
            time.sleep(0.2)
    raise TimeoutError(url)


def test_sign_in__real_provider__lets_in_by_its_groups(
    issuer: str, override: Callable[..., None], tenant: Tenant
) -> None:
    provider_keys.cache_clear()
    fields = {"issuer": issuer, "client_id": "drift", "client_secret": "x", "groups": GROUPS}
    override(oidc=Oidc.model_validate(fields))
    claims = {"groups": ["ml"], "preferred_username": "ana.real", "email": "ana@example.com"}
    assert requests.put(f"{issuer}/users/ana", json=claims, timeout=30).ok
    client = Client()
    asked = client.post("/admin/login/provider/", {"next": "/admin/monitors/monitor/"})
    shown = requests.post(asked["Location"], data={"sub": "ana"}, allow_redirects=False, timeout=30)
    back = urlsplit(shown.headers["Location"])
    done = client.get(f"{back.path}?{back.query}")
    assert (done.status_code, done.headers.get("Location")) == (302, "/admin/monitors/monitor/")
    user = User.objects.get(username="ana.real")
    assert [(each.tenant.slug, each.role) for each in memberships_of(user)] == [
        ("acme", "operator")
    ]
    assert client.get("/admin/").status_code == 200
