"""An apply of a document creates and changes all of it or nothing, and twice changes nothing."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from alerts.documents.document_forms import read_document
from alerts.models import Document, DocumentObject
from drift_detector.tenancy.models import Role, Scope, Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key
from monitors import services as monitor_services
from monitors.budgets.levels import get_budget
from monitors.jobs import services as jobs
from monitors.models import Baseline, Job, Monitor
from monitors.sources import describe
from tests.alerts.documents.conftest import MODEL, document_of, watch
from tests.conftest import client_of
from tests.factories import at_once, rows_of

URL = "/api/v1/documents"
EXPORT = f"/api/v1/models/{MODEL}/document"
STATE = """
    SELECT 'monitor', to_jsonb(each)::text FROM drf_monitors each
    UNION ALL SELECT 'baseline', to_jsonb(each)::text FROM drf_baselines each
    UNION ALL SELECT 'budget', to_jsonb(each)::text FROM drf_budgets each
    UNION ALL SELECT 'document', to_jsonb(each)::text FROM drf_documents each
    UNION ALL SELECT 'object', to_jsonb(each)::text FROM drf_document_objects each
    UNION ALL SELECT 'entry', to_jsonb(each)::text FROM drf_audit each WHERE object_type <> 'jobs'
    ORDER BY 1, 2
"""


def state(tenant: Tenant) -> list[tuple[Any, ...]]:
    """All rows of the tenant that an apply can change, to the bit."""
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute(STATE)
        return list(cursor.fetchall())


def apply(api: APIClient, document: dict[str, Any], query: str = "") -> Any:
    return api.post(f"{URL}/apply{query}", document, format="json")


def plan(api: APIClient, document: dict[str, Any]) -> Any:
    answer = api.post(f"{URL}/plan", document, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def actions(found: Any) -> dict[str, str]:
    return {each["name"]: each["action"] for each in found["monitors"]}


def test_apply__new_document__creates_all_of_it(
    admin_api: APIClient, document: dict[str, Any], in_tenant: Tenant
) -> None:
    answer = apply(admin_api, document)
    assert answer.status_code == 200, answer.json()
    assert actions(answer.json()["plan"]) == {"Flights": "create", "Far flights": "create"}
    far = Monitor.objects.get(name="Far flights")
    assert (str(far.model_id), far.status, far.importances, far.window_lag.total_seconds()) == (
        MODEL, "paused", {"delay": 2}, 6 * 3600,
    )  # fmt: skip
    assert far.created_by == "key:test-admin"
    assert Baseline.objects.count() == 2
    assert PeriodicTask.objects.filter(enabled=True).count() == 1
    [listed] = admin_api.get(URL).json()["results"]
    assert (listed["name"], listed["monitors"], listed["model_id"]) == ("flights", 2, MODEL)


def test_apply__twice__changes_nothing(
    admin_api: APIClient, document: dict[str, Any], tenant: Tenant
) -> None:
    first = apply(admin_api, document).json()["plan"]
    before = state(tenant)
    second = apply(admin_api, document).json()["plan"]
    assert (second["is_changed"], second["content_hash"]) == (False, first["content_hash"])
    assert {each["action"] for each in second["monitors"]} == {"unchanged"}
    assert state(tenant) == before


def test_export__applied_to_an_empty_tenant__has_the_same_hash(
    admin_api: APIClient, document: dict[str, Any], other_tenant: Tenant
) -> None:
    ours = apply(admin_api, document).json()["plan"]
    exported = admin_api.get(EXPORT).json()
    others_api = client_of(other_tenant.id, Role.ADMIN)
    theirs = apply(others_api, exported).json()["plan"]
    assert theirs["content_hash"] == ours["content_hash"]
    assert others_api.get(EXPORT).json() == exported
    assert plan(admin_api, exported)["is_changed"] is False


def test_export__leaves_out_what_has_its_default(
    admin_api: APIClient, flights: Path, tenant: Tenant
) -> None:
    given = watch(flights, "Flights")
    apply(admin_api, document_of(given))
    [exported] = admin_api.get(EXPORT).json()["monitors"]
    assert exported.keys() == given.keys()


def test_plan__fields_changed__shows_each_from_and_to(
    admin_api: APIClient, document: dict[str, Any]
) -> None:
    apply(admin_api, document)
    changed = deepcopy(document)
    changed["monitors"][0]["window"] = "P14D"
    del changed["monitors"][1]["window_lag"]
    changed["budget"] = {"false_alerts_per_month": 4}
    found = plan(admin_api, changed)
    flights, far = found["monitors"]
    assert flights["changes"] == [{"field": "window", "before": "P7D", "after": "P14D"}]
    assert far["changes"] == [{"field": "window_lag", "before": "PT6H", "after": "PT0S"}]
    assert found["budget"]["changes"] == [
        {"field": "false_alerts_per_month", "before": 3, "after": 4}
    ]
    apply(admin_api, changed)
    assert admin_api.get("/api/v1/monitors?name=Flights").json()["results"][0]["window"] == "P14D"
    assert plan(admin_api, changed)["is_changed"] is False


def test_plan__written_otherwise__is_unchanged(
    admin_api: APIClient, document: dict[str, Any]
) -> None:
    apply(admin_api, document)
    again = deepcopy(document)
    flights, far = again["monitors"]
    flights |= {
        "window": "PT168H",
        "reference_start": "2024-01-01T01:00:00+01:00",
        "status": "active",
    }
    far |= {
        "importances": {"delay": 2},
        "tolerances": {"ks": {"default": 0.05}},
        "budget_weight": 3.0,
    }
    again["monitors"] = [far, flights]
    found = plan(admin_api, again)
    assert [each["changes"] for each in found["monitors"]] == [[], []]
    assert found["content_hash"] == plan(admin_api, document)["content_hash"]


def test_plan__edited_by_hand__shows_what_was_applied_and_takes_it_back(
    admin_api: APIClient, document: dict[str, Any]
) -> None:
    apply(admin_api, document)
    [row] = admin_api.get("/api/v1/monitors?name=Flights").json()["results"]
    by_hand = {"window": "P1D", "name": "My flights"}
    assert (
        admin_api.patch(f"/api/v1/monitors/{row['id']}", by_hand, format="json").status_code == 200
    )
    flights, far = plan(admin_api, document)["monitors"]
    assert (flights["id"], flights["action"], far["edited_by_hand"]) == (row["id"], "change", [])
    assert flights["edited_by_hand"] == [
        {"field": "name", "before": "Flights", "after": "My flights"},
        {"field": "window", "before": "P7D", "after": "P1D"},
    ]
    apply(admin_api, document)
    [row] = admin_api.get("/api/v1/monitors?name=Flights").json()["results"]
    assert row["window"] == "P7D"


def test_apply__monitor_that_no_document_owns__is_adopted(
    admin_api: APIClient,
    document: dict[str, Any],
    monitor_fields: dict[str, Any],
    in_tenant: Tenant,
) -> None:
    made = admin_api.post(
        "/api/v1/monitors", monitor_fields | {"min_rows": 7}, format="json"
    ).json()
    flights, _ = plan(admin_api, document)["monitors"]
    assert (flights["action"], flights["id"]) == ("adopt", made["id"])
    assert [each["field"] for each in flights["changes"]] == ["min_rows"]
    apply(admin_api, document)
    assert actions(plan(admin_api, document))["Flights"] == "unchanged"
    assert Monitor.objects.count() == 2


def test_apply__monitor_of_another_document__is_refused_by_name(
    admin_api: APIClient, document: dict[str, Any], flights: Path, tenant: Tenant
) -> None:
    apply(admin_api, document)
    before = state(tenant)
    other = document_of(watch(flights, "New"), watch(flights, "Flights"), name="other")
    assert actions(plan(admin_api, other)) == {"New": "create", "Flights": "refused"}
    answer = apply(admin_api, other)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "monitors[1]: 'Flights' is owned by the document 'flights'."
    assert state(tenant) == before


def test_apply__monitor_of_another_model__is_refused(
    admin_api: APIClient, document: dict[str, Any], monitor_fields: dict[str, Any]
) -> None:
    other = "11111111-5a54-4c89-9c40-5f0f5a6b7c8d"
    admin_api.post("/api/v1/monitors", monitor_fields | {"model_id": other}, format="json")
    answer = apply(admin_api, document)
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"monitors[0]: 'Flights' is a monitor of the model {other}."


def test_apply__known_document_with_another_model__is_refused(
    admin_api: APIClient, document: dict[str, Any]
) -> None:
    apply(admin_api, document)
    other = document | {"model_id": "11111111-5a54-4c89-9c40-5f0f5a6b7c8d", "monitors": []}
    answer = apply(admin_api, other)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"model_id: model_id must be {MODEL}")


def test_apply__third_of_five_has_a_bad_source__writes_nothing(
    admin_api: APIClient, flights: Path, tenant: Tenant
) -> None:
    five = [watch(flights, f"Flights {number}") for number in range(5)]
    five[2]["current_data_uri"] = f"{flights}/missing"
    before = state(tenant)
    answer = apply(admin_api, document_of(*five))
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == "monitors[2].current_data_uri"
    assert "missing" in error["reason"]
    assert state(tenant) == before
    assert PeriodicTask.objects.count() == 0


def test_apply__more_than_the_quota__writes_nothing(
    admin_api: APIClient, flights: Path, tenant: Tenant, override: Callable[..., None]
) -> None:
    override(quotas={"monitors": 4})
    five = [watch(flights, f"Flights {number}") for number in range(5)]
    before = state(tenant)
    answer = apply(admin_api, document_of(*five))
    assert answer.status_code == 429
    assert "quota of 4 monitors has no room for 5 more" in answer.json()["detail"]
    assert state(tenant) == before


def test_apply__quota_passed_while_the_data_was_read__writes_nothing(
    admin_api: APIClient, flights: Path, tenant: Tenant, override: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def lower(*_: Any) -> None:
        override(quotas={"monitors": 1})

    monkeypatch.setattr("alerts.documents.document_jobs.check_sources", lower)
    before = state(tenant)
    answer = apply(admin_api, document_of(watch(flights, "One"), watch(flights, "Two")))
    assert answer.status_code == 429
    assert state(tenant) == before


def test_apply__monitors_of_the_same_data__look_at_it_once(
    api: APIClient, flights: Path, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def count(uri: str, *arguments: Any) -> Any:
        looked.append(uri)
        return describe(uri, *arguments)

    monkeypatch.setattr("monitors.features.describe", count)
    five = [watch(flights, f"Flights {number}") for number in range(5)]
    assert apply(api, document_of(*five)).status_code == 200
    assert looked == [str(flights)]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"monitors": [{"name": "Flights", "windwo": "P7D"}]}, "monitors[0].windwo", "nearest is 'window'"),
        ({"monitors": [{"name": "Flights", "model_id": MODEL}]}, "monitors[0].model_id", "no field 'model_id'"),
        ({"monitor": []}, "monitor", "nearest is 'monitors'"),
        ({"version": 2}, "version", "less than or equal to 1"),
        ({"version": True}, "version", "a whole number, not true"),
        ({"budget": {"false_alerts": 3}}, "budget.false_alerts", "nearest is 'false_alerts_per_month'"),
        ({"name": ""}, "name", "may not be blank"),
        ({"model_id": "flights"}, "model_id", "UUID"),
    ],
)  # fmt: skip
def test_plan__wrong_document__says_the_place(
    api: APIClient, document: dict[str, Any], change: dict[str, Any], field: str, words: str
) -> None:
    answer = api.post(f"{URL}/plan", document | change, format="json")
    assert answer.status_code == 400
    reasons = {each["field"]: each["reason"] for each in answer.json()["errors"]}
    assert words in reasons[field]


def test_plan__name_twice__says_where(api: APIClient, flights: Path) -> None:
    twice = document_of(*[watch(flights, name) for name in ("A", "B", "A")])
    [error] = api.post(f"{URL}/plan", twice, format="json").json()["errors"]
    assert error == {
        "field": "monitors[2].name",
        "reason": "name must be unique; monitors[0] is 'A', too.",
    }


def test_apply__no_longer_named__is_kept_without_remove_and_retired_with_it(
    admin_api: APIClient, document: dict[str, Any], in_tenant: Tenant
) -> None:
    apply(admin_api, document)
    less = document | {"monitors": document["monitors"][1:]}
    del less["budget"]
    assert actions(plan(admin_api, less)) == {"Far flights": "unchanged", "Flights": "remove"}
    kept = apply(admin_api, less).json()
    assert (kept["retired"], get_budget(Monitor.objects.get(name="Flights").model_id)) != ([], None)
    flights = Monitor.objects.get(name="Flights")
    assert flights.status == "active"
    done = apply(admin_api, less, "?remove=true").json()
    assert done["retired"] == [str(flights.id)]
    flights.refresh_from_db()
    assert (flights.status, get_budget(flights.model_id)) == ("disabled", None)
    assert admin_api.delete(f"/api/v1/monitors/{flights.id}").status_code == 204
    assert plan(admin_api, less)["is_changed"] is False


def test_apply__deleted_by_hand__is_created_again(
    admin_api: APIClient, document: dict[str, Any], in_tenant: Tenant
) -> None:
    apply(admin_api, document)
    monitor_services.delete_monitor(monitor=Monitor.objects.get(name="Flights"))
    assert actions(plan(admin_api, document))["Flights"] == "create"
    apply(admin_api, document)
    owned = set(DocumentObject.objects.filter(kind="monitor").values_list("object_id", flat=True))
    assert owned == set(Monitor.objects.values_list("id", flat=True))


def test_apply__another_plan_is_expected__is_refused(
    admin_api: APIClient, document: dict[str, Any], tenant: Tenant
) -> None:
    agreed = plan(admin_api, document)["plan_hash"]
    assert apply(admin_api, document, f"?expected={agreed}").status_code == 200
    before = state(tenant)
    changed = document | {"monitors": document["monitors"][:1]}
    answer = apply(admin_api, changed, f"?expected={agreed}")
    assert (answer.status_code, state(tenant)) == (409, before)
    assert "Plan the document again" in answer.json()["detail"]


def test_apply__budget_without_the_scope__is_refused(
    tenant: Tenant, document: dict[str, Any]
) -> None:
    with tenant_scope(tenant.id):
        scopes = [Scope.MONITORS_READ, Scope.MONITORS_WRITE]
        _, key = create_api_key(name="pipeline", scopes=scopes)
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    before = state(tenant)
    answer = apply(api, document)
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "A change of the budget needs the scope admin.",
    )
    assert [each for each in state(tenant) if each[0] != "entry"] == [
        each for each in before if each[0] != "entry"
    ]
    del document["budget"]
    assert apply(api, document).status_code == 200


def test_delete__of_a_document__leaves_its_monitors_to_others(
    admin_api: APIClient, document: dict[str, Any]
) -> None:
    apply(admin_api, document)
    [listed] = admin_api.get(URL).json()["results"]
    assert admin_api.delete(f"{URL}/{listed['id']}").status_code == 204
    found = plan(admin_api, document)
    assert set(actions(found).values()) == {"adopt"}
    assert found["budget"]["action"] == "adopt"


def test_another_tenant__sees_and_changes_nothing(
    admin_api: APIClient, document: dict[str, Any], other_api: APIClient, tenant: Tenant
) -> None:
    apply(admin_api, document)
    before = state(tenant)
    [listed] = admin_api.get(URL).json()["results"]
    assert other_api.get(URL).json()["results"] == []
    assert other_api.get(f"{URL}/{listed['id']}").status_code == 404
    assert other_api.delete(f"{URL}/{listed['id']}").status_code == 404
    assert other_api.get(EXPORT).status_code == 404
    assert set(actions(plan(other_api, document)).values()) == {"create"}
    assert state(tenant) == before


def test_apply__no_worker_in_time__is_answered_with_a_job_that_applies_it(
    absent_worker: None, api: APIClient, flights: Path, in_tenant: Tenant
) -> None:
    answer = apply(api, document_of(watch(flights, "Flights")))
    assert (answer.status_code, answer.json()["kind"]) == (202, "apply_document")
    assert not Document.objects.exists()
    job = Job.objects.get()
    jobs.answer_job(tenant_id=in_tenant.id, job_id=job.id, worker="worker-1")
    found = api.get(f"/api/v1/jobs/{job.id}").json()
    assert (found["answer_status"], found["answer"]["plan"]["counts"]["create"]) == (200, 1)


def test_apply__changed_while_its_data_was_read__is_refused(
    api: APIClient, flights: Path, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        apply(api, document_of(watch(flights, "Flights"), watch(flights, "Two"))).status_code == 200
    )

    def change(*_: Any) -> None:
        monitor = Monitor.objects.get(name="Flights")
        monitor_services.update_monitor(monitor=monitor, feature_columns=["delay"])

    monkeypatch.setattr("alerts.documents.document_jobs.check_sources", change)
    two = watch(flights, "Two", feature_columns=["distance"])
    answer = apply(api, document_of(watch(flights, "Flights"), two))
    assert answer.status_code == 409
    assert "changed while the data was read" in answer.json()["detail"]
    assert Monitor.objects.get(name="Two").feature_columns == []


def job_of(tenant: Tenant, document: dict[str, Any]) -> Job:
    order = {"remove": False, "expected": "", "may_set_budget": False}
    with tenant_scope(tenant.id):
        return jobs.request_job(
            kind=Job.Kind.APPLY_DOCUMENT,
            fields={"document": document, "order": order},
            requested_by="key:test",
        )


def test_apply__two_at_once__one_after_the_other(committed_tenant: Tenant, flights: Path) -> None:
    both = [
        document_of(watch(flights, "Flights", min_rows=rows), watch(flights, f"Of {rows}"))
        for rows in (5, 6)
    ]
    asked = [job_of(committed_tenant, each) for each in both]

    def answer(job: Job, worker: str) -> None:
        jobs.answer_job(tenant_id=job.tenant_id, job_id=job.id, worker=worker)

    at_once(lambda: answer(asked[0], "worker-1"), lambda: answer(asked[1], "worker-2"))
    found = rows_of(committed_tenant.id, "SELECT status, answer_status FROM drf_jobs")
    assert found == [("succeeded", 200), ("succeeded", 200)]
    names = "SELECT name FROM drf_monitors ORDER BY name"
    assert rows_of(committed_tenant.id, names) == [("Flights",), ("Of 5",), ("Of 6",)]
    owned = "SELECT count(*), count(DISTINCT object_id) FROM drf_document_objects"
    assert rows_of(committed_tenant.id, owned) == [(3, 3)]


def test_plan__a_thousand_monitors__takes_as_many_statements_as_one(
    api: APIClient, flights: Path, in_tenant: Tenant
) -> None:
    thousand = [watch(flights, f"Flights {number}") for number in range(1000)]
    asked = read_document(document_of(*thousand))
    for each in asked.monitors:
        each.tenant = in_tenant
    Monitor.objects.bulk_create(asked.monitors)

    def statements(number: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = plan(api, document_of(*thousand[:number]))
        assert found["counts"]["adopt"] == number
        return len(captured)

    plan(api, document_of())  # the first request has more of them
    assert statements(1000) == statements(1)
