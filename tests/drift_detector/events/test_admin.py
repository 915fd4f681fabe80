"""The outbox in the admin: to look at, and nothing else."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from drift_detector.events.models import OutboxEvent
from drift_detector.events.services import EventType, emit
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.events.conftest import data_of

LIST = "/admin/events/outboxevent/"


@pytest.fixture
def event(tenant: Tenant, client: Client, staff: User) -> OutboxEvent:
    """An event that waits, and somebody who is signed in."""
    client.force_login(staff)
    return emitted(tenant)


def emitted(tenant: Tenant) -> OutboxEvent:
    key = uuid4()
    with tenant_scope(tenant.id):
        emit(EventType.DETECTED, cause=uuid4(), key=key, data=data_of(EventType.DETECTED, key))
        return OutboxEvent.objects.get(key=key)


def page(client: Client, url: str = LIST) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ("waiting", {}),
        ("published", {"published_at": timezone.now()}),
        ("dead", {"dead_at": timezone.now()}),
    ],
)
def test_state__each__is_told(state: str, changes: dict[str, object]) -> None:
    assert OutboxEvent(**changes).state == state


def test_list__event__shows_its_state_and_number(client: Client, event: OutboxEvent) -> None:
    cells = re.findall(r"field-(?:state|seq)[^>]*>\s*([^<]+?)\s*<", page(client))
    assert cells == ["1", "waiting"]


@pytest.mark.parametrize(
    ("state", "shown"), [("waiting", True), ("published", False), ("dead", False), ("x", True)]
)
def test_list__filtered_by_state__shows_these(
    client: Client, event: OutboxEvent, state: str, shown: bool
) -> None:
    assert (str(event.key) in page(client, f"{LIST}?state={state}")) is shown


def test_event__opened__has_nothing_to_edit(client: Client, event: OutboxEvent) -> None:
    text = page(client, f"{LIST}{event.pk}/change/")
    assert str(event.event_id) in text
    assert 'name="_save"' not in text
    assert client.post(f"{LIST}{event.pk}/change/", {"topic": "other"}).status_code == 403
    assert client.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
