"""The limits of requests through the API; `http-sf` is not at hand, so the header's form is a regular expression."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from uuid import uuid4

import pytest
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.api import documents
from drift_detector.tenancy.models import ApiKey, Tenant
from tests.conftest import authorization_of, client_of

RUNS = "/api/v1/runs"
ITEM = r'"[a-z-]+";{}=\d+;{}=\d+'
Override = Callable[..., None]


def headers_are_stated(answer: object) -> bool:
    limits, policies = answer["RateLimit"], answer["RateLimit-Policy"]  # type: ignore[index]
    is_limit = re.fullmatch(f"{ITEM.format('r', 't')}(, {ITEM.format('r', 't')})*", limits)
    is_policy = re.fullmatch(f"{ITEM.format('q', 'w')}(, {ITEM.format('q', 'w')})*", policies)
    return bool(is_limit and is_policy)


def address() -> str:
    """One that no other test uses."""
    parts = re.findall("....", uuid4().hex)[:3]
    return f"fd00:{':'.join(parts)}::1"


def test_request__with_room__states_its_limits(api: APIClient) -> None:
    answer = api.get(RUNS)
    assert answer.status_code == 200
    assert headers_are_stated(answer)
    assert answer["RateLimit-Policy"].startswith('"key";q=1000000;w=60, "tenant";')


def test_request__key_used_up__is_refused_with_the_time(api: APIClient, override: Override) -> None:
    override(throttle={"requests_per_key": 2})
    assert [api.get(RUNS).status_code for _ in range(3)] == [200, 200, 429]
    refused = api.get(RUNS)
    assert headers_are_stated(refused)
    assert refused["Content-Type"] == "application/problem+json"
    assert 0 < int(refused["Retry-After"]) <= 30
    assert '"key";r=0' in refused["RateLimit"]
    assert "2 requests of this key in 60 seconds are allowed" in refused.json()["detail"]


def test_request__other_key_of_the_tenant__goes_on(
    api: APIClient, tenant: Tenant, override: Override
) -> None:
    override(throttle={"requests_per_key": 1})
    assert [api.get(RUNS).status_code for _ in range(2)] == [200, 429]
    assert client_of(tenant.id).get(RUNS).status_code == 200


def test_request__tenant_used_up__stops_its_keys_and_no_other_tenant(
    api: APIClient, tenant: Tenant, other_api: APIClient, override: Override
) -> None:
    override(throttle={"requests_per_tenant": 1})
    assert api.get(RUNS).status_code == 200
    assert client_of(tenant.id).get(RUNS).status_code == 429
    assert other_api.get(RUNS).status_code == 200


def test_request__that_the_role_forbids__counts_too(
    viewer_api: APIClient, override: Override
) -> None:
    override(throttle={"requests_per_key": 1})
    path = f"/api/v1/monitors/{uuid4()}/baseline"
    assert [viewer_api.post(path).status_code for _ in range(2)] == [403, 429]


def test_document__many_anonymous_requests__are_refused(db: None, override: Override) -> None:
    override(throttle={"anonymous_requests_per_address": 1})
    client = APIClient(REMOTE_ADDR=address())
    answers = [client.get("/api/v1/schema") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert all(map(headers_are_stated, answers))


def test_document__second_request__is_not_made_anew(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = APIClient().get("/api/v1/schema")
    monkeypatch.setattr("drift_detector.api.documents.SchemaGenerator", pytest.fail)
    assert APIClient().get("/api/v1/schema").content == first.content != b""


def wrong_client(home: str, key: str = "adk_wrong-and-much-longer") -> APIClient:
    client = APIClient(REMOTE_ADDR=home)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def test_wrong_keys__many_from_an_address__are_refused_before_the_database(
    tenant: Tenant, override: Override, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(throttle={"wrong_keys_per_address": 3})
    home = address()
    codes = [wrong_client(home, f"adk_{guess}").get(RUNS).status_code for guess in range(5)]
    assert codes == [401] * 3 + [429] * 2
    monkeypatch.setattr("drift_detector.tenancy.authentication._find_key", pytest.fail)
    refused = wrong_client(home).get(RUNS)
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)


def test_wrong_keys__right_key_from_the_same_address__goes_on(
    tenant: Tenant, override: Override
) -> None:
    override(throttle={"wrong_keys_per_address": 1})
    home = address()
    right = APIClient(REMOTE_ADDR=home, HTTP_AUTHORIZATION=authorization_of(tenant.id))
    assert right.get(RUNS).status_code == 200
    assert [wrong_client(home).get(RUNS).status_code for _ in range(2)] == [401, 429]
    assert right.get(RUNS).status_code == 200


def test_wrong_keys__known_key_is_revoked__is_wrong_from_then_on(
    tenant: Tenant, in_tenant: Tenant
) -> None:
    right = APIClient(REMOTE_ADDR=address(), HTTP_AUTHORIZATION=authorization_of(tenant.id))
    assert right.get(RUNS).status_code == 200
    ApiKey.objects.all().delete()
    assert right.get(RUNS).status_code == 401


def test_wrong_keys__log__has_the_prefix_and_not_the_secret(tenant: Tenant) -> None:
    with capture_logs() as logs:
        wrong_client(address(), "adk_12345678SECRET").get(RUNS)
        wrong_client(address(), "some-other-SECRET").get(RUNS)
    refused = [entry for entry in logs if entry["event"] == "api_key_refused"]
    assert [entry["prefix"] for entry in refused] == ["adk_12345678", ""]
    assert "SECRET" not in str(logs)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "198.51.100.7", "203.0.113.1"),
        (1, "", "203.0.113.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (2, "1.1.1.1, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (1, "nonsense", "unknown"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_client_address__behind_proxies__is_what_the_trusted_ones_saw(
    override: Override, proxies: int, forwarded: str, expected: str
) -> None:
    from django.test import RequestFactory

    from drift_detector.throttling.addresses import client_address

    override(throttle={"trusted_proxies": proxies})
    request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.1")
    if forwarded:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    assert client_address(request) == expected


def test_document__unknown_format__is_refused(db: None) -> None:
    answer = APIClient().get("/api/v1/schema?format=xml")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "format")


def test_document__many_first_requests__make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, two_at_once = list[int](), Barrier(2)

    class Generator:
        def get_schema(self, **_: object) -> dict[str, str]:
            made.append(1)
            with suppress(BrokenBarrierError):
                two_at_once.wait(1)
            return {"openapi": "3.0.3"}

    monkeypatch.setattr(documents, "SchemaGenerator", Generator)
    documents._rendered.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        contents = set(pool.map(lambda _: documents._content_of(OpenApiJsonRenderer), range(8)))
    documents._rendered.cache_clear()
    assert (len(contents), made, two_at_once.broken) == (1, [1], True)
