from datetime import time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from alerts.models import Route
from alerts.routing.words import matchers_in_words, route_in_words

MONITOR, MAIL, PHONE = uuid4(), uuid4(), uuid4()
NAMES = {MAIL: "mail", PHONE: "phone"}


@pytest.mark.parametrize(
    ("matchers", "words"),
    [
        ({}, "all alerts"),
        ({"severity": "critical"}, "alerts that are critical"),
        ({"severity": "warning", "kinds": ["statistical", "health"]},
         "alerts from severity warning on, of data drift and health"),
        ({"monitors": [str(MONITOR)], "features": ["a", "b", "c"]},
         "alerts of Flights, about a, b and c"),
        ({"models": [str(uuid4()), str(uuid4())]}, "alerts of 2 models"),
        ({"monitors": [str(uuid4())]}, "alerts of a removed monitor"),
        ({"features": list("abcdefg")}, "alerts about a, b, c, d, e and 2 more"),
    ],
)  # fmt: skip
def test_matchers_in_words__each_of_them__is_said(matchers: dict[str, Any], words: str) -> None:
    assert matchers_in_words(matchers, {MONITOR: "Flights"}) == words


def in_words(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> str:
    usual = {"group_wait": timedelta(0), "group_interval": timedelta(0), "escalate_after": [7200]}
    route = Route(**usual | fields)
    steps = {0: [MAIL], 1: [PHONE]}
    monkeypatch.setattr(Route, "_channels_of", lambda _, step: steps[step])
    return route_in_words(route, monitors={}, channels=NAMES)


def test_route_in_words__escalation_and_quiet_hours__are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet = {"quiet_from": time(22), "quiet_until": time(7), "timezone": "Europe/Berlin"}
    assert in_words(monkeypatch, **quiet, continues=False) == (
        "All alerts go to mail at once. After 2 hours without attention also to phone. "
        "Quiet from 22:00 to 07:00 Europe/Berlin, but not for critical ones. "
        "No later route is tried."
    )


def test_route_in_words__weekly_digest__names_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "digest": "weekly",
        "digest_weekday": 4,
        "digest_at": time(6, 30),
        "escalate_after": [],
    }
    said = "All alerts go to mail as a digest, each Friday at 06:30 UTC."
    assert in_words(monkeypatch, **fields) == said


def test_route_in_words__switched_off__says_so_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_words(monkeypatch, enabled=False).startswith("Switched off. All alerts go to mail")
