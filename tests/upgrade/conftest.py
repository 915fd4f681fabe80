"""A database of the old code, migrated as an operator does it."""

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.test import APIClient

from drift_detector.celery import app
from tests.conftest import connected_as, role_url
from tests.databases import new_database

OLD = Path(__file__).parent / "c67e9ca"
PLACEHOLDER = "/data-root"


@pytest.fixture(scope="session", autouse=True)
def tasks_registered() -> None:
    """The tasks can be called by their names, as a worker calls them."""
    app.loader.import_default_modules()


@pytest.fixture(scope="session")
def old_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the old monitors watch, each tenant's in a folder of its own."""
    return Path(shutil.copytree(OLD / "data", tmp_path_factory.mktemp("old") / "data"))


@contextmanager
def old_database(name: str, data: Path) -> Iterator[str]:
    """A database as the old code left it, of this name; Django is connected to it in the block.

    Yields:
        The address for its owner.
    """
    owner = role_url("owner", name)
    with new_database(name):
        with psycopg.connect(owner, autocommit=True) as database:
            database.execute(read_old("database.sql.gz", data).encode())
        yield owner


def read_old(name: str, data: Path) -> str:
    """A file of the old code, with the folder of this test's data."""
    return gzip.decompress((OLD / name).read_bytes()).decode().replace(PLACEHOLDER, str(data))


def migrate(owner: str) -> None:
    """Run the command that operators run."""
    with connected_as(owner):
        call_command("migrate", verbosity=0)


@pytest.fixture(scope="module")
def upgraded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str, old_data: Path
) -> Iterator[str]:
    """The old database after `migrate`; all tests of a module share it."""
    with django_db_blocker.unblock(), old_database(f"upgraded_{worker_id}", old_data) as owner:
        migrate(owner)
        yield owner


@pytest.fixture
def facts(old_data: Path) -> dict[str, Any]:
    """The answers of the old code before the upgrade."""
    answers: dict[str, Any] = json.loads(read_old("facts.json.gz", old_data))
    return answers


@pytest.fixture
def acme(facts: dict[str, Any]) -> dict[str, Any]:
    """The first tenant of the old database."""
    tenant: dict[str, Any] = facts["tenants"][0]
    return tenant


@pytest.fixture(autouse=True)
def old_roots(old_data: Path, settings: LazySettings) -> None:
    """The folders that the tenants could read before."""
    data = settings.ENV.data.model_copy(update={"allowed_roots": [f"{old_data}/{{tenant}}"]})
    settings.ENV = settings.ENV.model_copy(update={"data": data})


def client_with(key: str) -> APIClient:
    """An API client with a key that the old code made."""
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
