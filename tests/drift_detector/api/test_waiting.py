"""Places of waiting requests, in a real Valkey."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from pytest_django import Settings

from drift_detector.api import waiting
from drift_detector.api.waiting import ALL_PLACES, CLIENT_LEFT, place_to_wait


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(str(settings.ENV.redis.url)) as client:
        client.delete(ALL_PLACES)
        yield client
        client.delete(ALL_PLACES)


def bound(settings: Settings, **web: int) -> None:
    changed = settings.ENV.web.model_copy(update=web)
    settings.ENV = settings.ENV.model_copy(update={"web": changed})


def request(**meta: Any) -> Any:
    return SimpleNamespace(META=meta)


def take(stack: ExitStack, tenant_id: UUID) -> bool:
    """Whether a further request of the tenant may wait; it keeps its place until the stack ends."""
    return stack.enter_context(place_to_wait(request(), tenant_id))()


@pytest.mark.usefixtures("valkey")
def test_places__of_one_tenant__are_bounded(settings: Settings) -> None:
    bound(settings, max_waiting_per_tenant=2)
    one, other = uuid4(), uuid4()
    with ExitStack() as stack:
        assert [take(stack, one) for _ in range(3)] == [True, True, False]
        assert take(stack, other)
    with ExitStack() as stack:
        assert take(stack, one)


@pytest.mark.usefixtures("valkey")
def test_places__of_all_tenants__are_bounded(settings: Settings) -> None:
    bound(settings, max_waiting=2)
    with ExitStack() as stack:
        assert [take(stack, uuid4()) for _ in range(3)] == [True, True, False]
    with ExitStack() as stack:
        assert take(stack, uuid4())


@pytest.mark.usefixtures("valkey")
def test_places__bounded_to_none__are_none(settings: Settings) -> None:
    bound(settings, max_waiting=0)
    with ExitStack() as stack:
        assert not take(stack, uuid4())


@pytest.mark.usefixtures("valkey")
def test_places__in_one_process__leave_half_of_the_threads(settings: Settings) -> None:
    bound(settings, max_waiting=1000, max_waiting_per_tenant=1000)
    half = settings.ENV.web.threads // 2
    with ExitStack() as stack:
        taken = [take(stack, uuid4()) for _ in range(half + 1)]
    assert taken == [True] * half + [False]


def test_places__of_a_killed_process__end_by_themselves(
    settings: Settings, valkey: redis.Redis
) -> None:
    bound(settings, max_waiting=1)
    valkey.zadd(ALL_PLACES, {"killed": time.time() + 60})
    with ExitStack() as stack:
        assert not take(stack, uuid4())
    valkey.zadd(ALL_PLACES, {"killed": time.time() - 1})
    with ExitStack() as stack:
        assert take(stack, uuid4())


def test_place__while_a_request_waits__is_renewed(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RENEWAL_SECONDS", 0.0)
    tenant_id = uuid4()
    with place_to_wait(request(), tenant_id) as may_wait:
        assert may_wait()
        places: list[Any] = valkey.zrange(ALL_PLACES, 0, -1)
        first = valkey.zscore(ALL_PLACES, places[0])
        assert may_wait()
        second = valkey.zscore(ALL_PLACES, places[0])
    assert first is not None
    assert second is not None
    assert second > first
    assert valkey.exists(ALL_PLACES, f"{ALL_PLACES}:{tenant_id}") == 0


@pytest.mark.usefixtures("valkey")
def test_place__of_a_client_that_left__lasts_no_longer() -> None:
    left = Event()
    with place_to_wait(request(**{CLIENT_LEFT: left}), uuid4()) as may_wait:
        assert may_wait()
        left.set()
        assert not may_wait()


def test_place__while_valkey_is_away__is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(waiting, "_valkey", lambda: away)
    with ExitStack() as stack:
        assert not take(stack, uuid4())
