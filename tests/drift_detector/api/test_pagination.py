"""Cursor pages over real rows."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_monitor

URL = "/api/v1/monitors"


@pytest.fixture
def seven(in_tenant: Tenant) -> set[str]:
    """Seven monitors; five of them made at the same instant."""
    ids = [make_monitor().id for _ in range(7)]
    Monitor.objects.filter(id__in=ids[1:6]).update(created_at=timezone.now())
    return {str(each) for each in ids}


def walk(api: APIClient, url: str | None, direction: str) -> Iterator[list[str]]:
    while url:
        page = api.get(url).json()
        assert set(page) == {"next", "previous", "results"}
        yield [each["id"] for each in page["results"]]
        url = page[direction]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_list__page_by_page__shows_each_row_once(
    api: APIClient, seven: set[str], size: int
) -> None:
    pages = list(walk(api, f"{URL}?page_size={size}", "next"))
    ids = [each for page in pages for each in page]
    assert (len(ids), set(ids)) == (7, seven)
    assert all(len(page) == size for page in pages[:-1])


def test_list__there_and_back__is_the_same_rows(api: APIClient, seven: set[str]) -> None:
    url, last = f"{URL}?page_size=2", ""
    while url:
        last, url = url, api.get(url).json()["next"]
    back = list(walk(api, last, "previous"))
    assert [each for page in reversed(back) for each in page] == [
        each for page in walk(api, f"{URL}?page_size=2", "next") for each in page
    ]


def test_list__newest__comes_first(api: APIClient, seven: set[str]) -> None:
    newest = str(make_monitor().id)
    assert api.get(f"{URL}?page_size=1").json()["results"][0]["id"] == newest


def test_list__row_added_while_paging__doubles_nothing(api: APIClient, in_tenant: Tenant) -> None:
    before = {str(make_monitor().id) for _ in range(5)}
    pages = walk(api, f"{URL}?page_size=2", "next")
    seen = next(pages)
    make_monitor()
    seen += [each for page in pages for each in page]
    assert (len(seen), set(seen)) == (5, before)
