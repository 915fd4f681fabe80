"""A key in an address is refused, and is found in no log, metric, span or page."""

import json
import logging
from io import StringIO
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.test import Client
from prometheus_client import REGISTRY

from drift_detector.observability.key_masks import key_in_address, mask_keys
from drift_detector.observability.logging import logging_config

KEY = "adk_" + "d0fOXdUFS0pJnneuwag11VNVkgrdECwp-zRsmXEU0Z8"
ENCODED = "".join(f"%{ord(each):02X}" for each in KEY)
ADDRESSES = [
    f"/api/v1/monitors?api_key={KEY}",
    f"/api/v1/monitors?cursor=x&{KEY}",
    f"/api/v1/monitors/{KEY}",
    f"/{KEY}",
    f"/admin/?key={KEY}",
    f"/api/v1/schema?key={KEY}",
    f"/healthz?key={KEY}",
    f"/static/{KEY}.css",
    f"/api/v1/monitors?a={ENCODED}",
    f"/api/v1/monitors?a={quote(ENCODED)}",
    f"/api/v1/{ENCODED}",
    f"/api/v1/monitors?next=https%3A%2F%2Fx%2F%3Fk%3D{KEY}",
]


@pytest.fixture
def lines(settings: LazySettings) -> StringIO:
    """The lines that the process writes to its log."""
    config = logging_config(level="DEBUG", format="json")
    written = StringIO()
    config["handlers"]["stderr"]["stream"] = written
    logging.config.dictConfig(config)
    return written


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_with_a_key__is_refused_and_logged_nowhere(
    db: None, client: Client, lines: StringIO, address: str
) -> None:
    before = REGISTRY.get_sample_value("drift_leaked_keys_total") or 0.0
    answer = client.get(address, headers={"Authorization": f"Bearer {KEY}"})
    body = answer.content.decode()
    assert answer.status_code == 400
    assert "revoke it" in body
    assert answer["Referrer-Policy"] == "no-referrer"
    for written in (body, lines.getvalue(), str(answer.headers)):
        assert KEY not in written
        assert ENCODED not in written
    assert "api_key_in_address" in lines.getvalue()
    assert REGISTRY.get_sample_value("drift_leaked_keys_total") == before + 1


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head", "options"])
def test_address_with_a_key__by_any_method__is_refused(
    db: None, client: Client, method: str
) -> None:
    assert getattr(client, method)(f"/api/v1/monitors?k={KEY}").status_code == 400


@pytest.mark.parametrize(
    "address", ["/api/v1/schema?x=adk_short", f"/api/v1/schema?x={KEY[4:]}", "/api/v1/schema?x=adk"]
)
def test_address_without_a_whole_key__is_no_leak(db: None, client: Client, address: str) -> None:
    assert "revoke it" not in client.get(address).content.decode()


def test_route__with_a_key_in_the_path__is_no_label_of_a_metric(db: None, client: Client) -> None:
    client.get(f"/api/v1/monitors/{KEY}")
    labels = [each.labels for family in REGISTRY.collect() for each in family.samples]
    assert KEY not in json.dumps(labels)


def test_log__of_a_library__has_its_keys_masked(lines: StringIO) -> None:
    logging.getLogger("django.security.csrf").warning(
        "Referer checking failed - https://x/?k=%s does not match.", KEY
    )
    assert KEY not in lines.getvalue()
    assert f"{KEY[:12]}…" in lines.getvalue()


def test_log__of_an_exception__has_its_keys_masked(lines: StringIO) -> None:
    try:
        raise ValueError(f"bad value {KEY} in the body")
    except ValueError:
        logging.getLogger("any").exception("failed")
    assert "bad value adk_" in lines.getvalue()
    assert KEY not in lines.getvalue()


def test_mask__leaves_the_characters_that_people_know_a_key_by() -> None:
    assert mask_keys(f"<{KEY}> and {KEY[:12]}") == f"<{KEY[:12]}…> and {KEY[:12]}"
    assert key_in_address(f"/x?{KEY}") == KEY[:12]
