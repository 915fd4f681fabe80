"""One shape for every error: RFC 9457, section 3."""

from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import set_local
from tests.drift_detector.api.openapi_document import openapi_document
from tests.factories import make_monitor, make_run

URL = "/api/v1/monitors"


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    """The document, once it has what the RFC asks for."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    document: dict[str, Any] = answer.json()
    assert document["type"] == "about:blank"
    assert (document["status"], document["title"]) == (status, HTTPStatus(status).phrase)
    assert document["detail"]
    return document


def send(api: APIClient, body: bytes, content_type: str = "application/json") -> Any:
    return api.generic("POST", URL, cast(str, body), content_type=content_type)


def test_problem__no_key__401(db: None) -> None:
    check_problem(APIClient().get(URL), 401)


def test_problem__viewer_writes__403(viewer_api: APIClient) -> None:
    check_problem(viewer_api.post(URL, {}), 403)


@pytest.mark.parametrize("path", ["monitors", "runs", "detections", "alerts"])
def test_problem__unknown_id__404(api: APIClient, path: str) -> None:
    check_problem(api.get(f"/api/v1/{path}/{uuid4()}"), 404)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/api/v1/monitors/", "/api/v1/monitors/7", "/nothing", "/api/v2/monitors"],
)
def test_problem__unknown_path__404(api: APIClient, path: str) -> None:
    assert path in check_problem(api.get(path), 404)["detail"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_problem__method_that_is_not_there__405_with_those_that_are(
    api: APIClient, method: str
) -> None:
    answer = getattr(api, method)(URL, {})
    check_problem(answer, 405)
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"{'name': 1}", b"\xff\xfe", b'{"min_rows": NaN}', b'{"min_rows": Infinity}',
     b"[" * 200_000, b'{"a":' * 200_000,
     b'{"min_rows": ' + b"9" * 5000 + b"}"],
    ids=["cut", "empty", "quotes", "not utf-8", "nan", "infinity", "deep list", "deep object", "long number"],
)  # fmt: skip
def test_problem__malformed_json__400(api: APIClient, body: bytes) -> None:
    check_problem(send(api, body), 400)


@pytest.mark.parametrize("charset", ["zlib", "rot13", "hex", "utf-7", "no-such"])
def test_problem__charset_that_is_not_utf_8__is_ignored_as_rfc_8259_says(
    api: APIClient, charset: str
) -> None:
    assert (
        send(api, b"{}", f"application/json; charset={charset}").json()["errors"][0]["field"]
        == "name"
    )


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'"text"', b"7", b"null", b"true"])
def test_problem__json_that_is_no_object__400(api: APIClient, body: bytes) -> None:
    assert check_problem(send(api, body), 400)["errors"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"]
)
def test_problem__body_of_another_type__415(api: APIClient, content_type: str) -> None:
    check_problem(send(api, b"name=x", content_type), 415)


def test_problem__body_too_large__413(api: APIClient, override: Any) -> None:
    override(data={"max_inline_bytes": 1000})
    check_problem(send(api, b'{"name": "' + b"x" * 1000 + b'"}'), 413)


def test_problem__body_as_large_as_allowed__is_read(api: APIClient, override: Any) -> None:
    override(data={"max_inline_bytes": 1000})
    assert check_problem(send(api, b'{"model_id": 1}'.ljust(1000)), 400)["errors"]


def test_problem__client_that_wants_html__gets_406(api: APIClient) -> None:
    check_problem(api.get(URL, HTTP_ACCEPT="text/html"), 406)


def test_problem__host_that_is_not_ours__400(api: APIClient) -> None:
    check_problem(api.get(URL, HTTP_HOST="evil.example"), 400)


def test_problem__several_fields_wrong__each_with_its_reason(api: APIClient) -> None:
    document = check_problem(api.post(URL, {"model_id": "7", "methods": ["ks", "guess"]}), 400)
    fields = {each["field"]: each["reason"] for each in document["errors"]}
    assert {"name", "model_id", "methods[1]", "reference_data_uri", "current_data_uri"} <= set(
        fields
    )
    assert all(fields.values())


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=cD0yMDI0", "cursor=bz1hJnA9Yg%3D%3D", "model_id=x", "status=x"]
)
def test_problem__bad_query__4xx(api: APIClient, query: str) -> None:
    answer = api.get(f"{URL}?{query}")
    check_problem(answer, answer.status_code)
    assert 400 <= answer.status_code < 500


def test_problem__name_filter_with_a_null_byte__400(api: APIClient) -> None:
    check_problem(api.get(f"{URL}?name=%00"), 400)


def test_problem__statement_that_takes_too_long__503(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(**_: Any) -> Any:
        set_local("statement_timeout", "20ms")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr("alerts.views.get_dashboard", slow)
    assert "too long" in check_problem(api.get("/api/v1/dashboard"), 503)["detail"]


def test_problem__database_that_is_away__503(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> Any:
        raise OperationalError("connection refused by 10.0.0.7")

    monkeypatch.setattr("alerts.views.get_dashboard", away)
    assert "10.0.0.7" not in check_problem(api.get("/api/v1/dashboard"), 503)["detail"]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/", "/api/v1/schema/"])
def test_problem__path_beside_the_operations__404(api: APIClient, path: str) -> None:
    check_problem(api.get(path), 404)


@pytest.mark.parametrize("path", ["schema", "docs", "dashboard", "runs"])
def test_problem__post_where_only_get_is__405(api: APIClient, path: str) -> None:
    check_problem(api.post(f"/api/v1/{path}", {}), 405)


@pytest.mark.parametrize("path", ["baseline", "report"])
def test_problem__body_where_none_is_taken__400(
    api: APIClient, in_tenant: Tenant, path: str
) -> None:
    monitor = make_monitor()
    place = f"monitors/{monitor.id}" if path == "baseline" else f"runs/{make_run(monitor).id}"
    document = check_problem(api.post(f"/api/v1/{place}/{path}", {"force": True}), 400)
    assert [each["field"] for each in document["errors"]] == ["force"]


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    schema = openapi_document()
    paths = schema["paths"].items()
    return [(path, method, operation) for path, each in paths for method, operation in each.items()]


@pytest.mark.parametrize(("path", "method", "operation"), operations())
def test_schema__operation__declares_its_problems_and_says_what_it_does(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    expected = {"400", "401", "406", "500", "503"}
    expected |= {"404"} if "{id}" in path else set()
    expected |= {"403", "411", "413", "415"} if method != "get" else set()
    assert expected <= operation["responses"].keys()
    assert operation["description"].endswith((".", "?"))
    assert "tenant scope" not in operation["description"]
