"""`/healthz` and `/readyz` with the real servers, and with nothing where they should be."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken but where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def no_database(committed: None, closed_port: int) -> Iterator[None]:
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = closed_port
    yield
    connection.close()
    connection.settings_dict["PORT"] = port


@pytest.fixture
def no_broker(override: Callable[..., Any], closed_port: int) -> None:
    override(redis={"url": f"redis://127.0.0.1:{closed_port}/0"})


def test_readyz__all_there__200(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok"})


@pytest.mark.usefixtures("no_database")
def test_readyz__no_database__503_and_says_so(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": "unreachable", "broker": "ok"})


@pytest.mark.usefixtures("no_broker")
def test_readyz__no_broker__503_and_says_so(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": "ok", "broker": "unreachable"})


@pytest.mark.usefixtures("no_database", "no_broker")
def test_healthz__nothing_there__200_all_the_same(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("no_database")
def test_api__no_database__is_a_problem_and_no_page(client: Client) -> None:
    answer = client.get("/api/v1/monitors", headers={"Authorization": "Bearer adk_x"})
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
