"""Query parameters: those that are known work, all others are refused by name."""

import pytest
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.factories import make_monitor, make_run

LISTS = ["monitors", "runs", "detections", "alerts"]


def refusals(api: APIClient, path: str) -> dict[str, str]:
    answer = api.get(f"/api/v1/{path}")
    assert answer.status_code == 400, answer.content
    return {each["field"]: each["reason"] for each in answer.json()["errors"]}


@pytest.mark.parametrize("path", [*LISTS, "dashboard"])
def test_get__unknown_parameter__is_named(api: APIClient, in_tenant: Tenant, path: str) -> None:
    assert "pagee" in refusals(api, f"{path}?pagee=2")["pagee"]


def test_get__misspelt_parameter__nearest_is_shown(api: APIClient, in_tenant: Tenant) -> None:
    assert "'verdict'" in refusals(api, "runs?verdikt=ok")["verdikt"]


@pytest.mark.parametrize("path", LISTS)
def test_list__parameter_twice__is_refused(api: APIClient, in_tenant: Tenant, path: str) -> None:
    assert "once" in refusals(api, f"{path}?page_size=2&page_size=3")["page_size"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=201", "page_size=x", "page_size=", "page_size=²", "cursor=zzz", "ordering=",
     "ordering=reason", "ordering=created_at,id", "cursor=cD0wMDAwJTAw", "cursor=bz0tMQ=="],
)  # fmt: skip
def test_list__bad_paging__is_refused(
    api: APIClient, in_tenant: Tenant, path: str, query: str
) -> None:
    assert set(refusals(api, f"{path}?{query}")) == {query.split("=")[0]}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "moment",
    ["yesterday", "2024-01-01T00:00:00-17:55", "2024-13-01", "0001-01-01T00:00:00%2B05:00",
     "9999-12-31T23:59:59-05:00", "2024-01-01T00:00:00Z%00"],
)  # fmt: skip
def test_list__bad_time__is_refused(
    api: APIClient, in_tenant: Tenant, path: str, moment: str
) -> None:
    assert set(refusals(api, f"{path}?since={moment}")) == {"since"}


@pytest.mark.parametrize(
    ("path", "field"), [("detections", "is_drifted"), ("alerts", "acknowledged")]
)
@pytest.mark.parametrize("word", ["maybe", "yes", "2", "null", "TRUE "])
def test_list__truth_that_is_none__is_refused(
    api: APIClient, in_tenant: Tenant, path: str, field: str, word: str
) -> None:
    assert word.strip() in refusals(api, f"{path}?{field}={word}")[field]


@pytest.mark.parametrize("word", ["true", "True", "1", "false", "False", "0"])
def test_list__truth__filters(api: APIClient, in_tenant: Tenant, word: str) -> None:
    assert api.get(f"/api/v1/detections?is_drifted={word}").status_code == 200


@pytest.mark.parametrize("path", ["runs", "detections", "alerts"])
def test_list__monitor_id__as_answers_name_it(api: APIClient, in_tenant: Tenant, path: str) -> None:
    monitor = make_monitor()
    assert api.get(f"/api/v1/{path}?monitor_id={monitor.id}").status_code == 200
    nobody = "00000000-0000-0000-0000-000000000000"
    assert "monitor" in refusals(api, f"{path}?monitor_id={nobody}")["monitor_id"]
    assert refusals(api, f"{path}?monitor_id=x").keys() == {"monitor_id"}


def test_list_runs__monitor_id_of_another_tenant__is_unknown(
    api: APIClient, in_tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor()
    assert refusals(api, f"runs?monitor_id={theirs.id}").keys() == {"monitor_id"}


def test_list_runs__monitor_id__shows_its_runs_only(api: APIClient, in_tenant: Tenant) -> None:
    first, second = make_monitor(), make_monitor()
    mine = make_run(first)
    make_run(second)
    found = api.get(f"/api/v1/runs?monitor_id={first.id}").json()["results"]
    assert [each["id"] for each in found] == [str(mine.id)]


def test_list_monitors__search__finds_a_part_of_the_name(api: APIClient, in_tenant: Tenant) -> None:
    make_monitor(name="Churn EU")
    make_monitor(name="Fraud")
    names = [each["name"] for each in api.get("/api/v1/monitors?search=hurn").json()["results"]]
    assert names == ["Churn EU"]


def test_list_monitors__ordering_by_name__pages_both_ways(
    api: APIClient, in_tenant: Tenant
) -> None:
    for name in ("b", "a", "c"):
        make_monitor(name=name)
    first = api.get("/api/v1/monitors?ordering=-name&page_size=2").json()
    second = api.get(first["next"]).json()
    names = [each["name"] for page in (first, second) for each in page["results"]]
    assert names == ["c", "b", "a"]
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_detail__filter_of_the_list__is_refused(api: APIClient, in_tenant: Tenant) -> None:
    monitor = make_monitor()
    assert "status" in refusals(api, f"monitors/{monitor.id}?status=active")
