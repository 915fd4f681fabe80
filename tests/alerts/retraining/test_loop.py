"""From the evidence to the verdict about the new model, with real windows of a classifier."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from sklearn.metrics import accuracy_score

from alerts.models import Alert, AlertEvent, Deployment, RetrainingRequest
from alerts.retraining.progress import end_overdue_requests
from detections.models import DetectionRun
from drift_detector.events.models import OutboxEvent
from monitors.models import Baseline, Job, Monitor
from tests.alerts.retraining.conftest import (
    BROKEN,
    Write,
    build_all,
    predictions,
    week_start,
)
from tests.detections.prediction_tables import run_week


def deploy(
    api: APIClient, request: RetrainingRequest | Monitor, status: int = 201, **fields: Any
) -> dict[str, Any]:
    body = {
        "trained_from": week_start(BROKEN),
        "trained_to": week_start(BROKEN + 1),
        "deployed_at": week_start(BROKEN + 1),
    }
    response = api.post(f"/api/v1/models/{request.model_id}/deployed", body | fields)
    answer: dict[str, Any] = response.json()
    assert response.status_code == status, answer
    return answer


def new_model(api: APIClient, request: RetrainingRequest, write: Write, **options: bool) -> None:
    """A model whose predictions are there from the broken week on, and its new baseline."""
    for week in range(BROKEN, BROKEN + 4):
        write(week, **options)
    deploy(api, request)
    build_all()


def run_next(monitor: Monitor, number: int = 3) -> list[DetectionRun]:
    return [run_week(monitor, BROKEN + 1 + step) for step in range(number)]


def topics() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True))


def test_request__broken_week__says_evidence_range_and_baseline(
    request_of: RetrainingRequest,
) -> None:
    assert request_of.status == "requested"
    assert request_of.suggested_from.isoformat() == week_start(BROKEN)
    assert request_of.suggested_to.isoformat() == week_start(BROKEN + 1)
    assert request_of.baseline_version == 1
    assert "measured accuracy is 0." in request_of.reason
    (event,) = OutboxEvent.objects.filter(topic="drift.retraining_required")
    data = event.envelope["data"]
    assert data["request_id"] == str(request_of.id)
    assert data["suggested_training_range"]["start"] == week_start(BROKEN)
    assert "accuracy" in data["features"]
    assert "url" not in data


def test_deployed__open_request__starts_a_baseline_of_the_training_range(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor
) -> None:
    deploy(api, request_of, model_version="7")
    request_of.refresh_from_db()
    classifier.refresh_from_db()
    assert (request_of.status, request_of.model_version) == ("deployed", "7")
    assert classifier.reference_start
    assert classifier.reference_end
    assert classifier.reference_start.isoformat() == week_start(BROKEN)
    assert classifier.reference_end.isoformat() == week_start(BROKEN + 1)
    newest = Baseline.objects.latest("version")
    assert (newest.version, newest.status) == (2, "building")
    assert newest.created_at - Deployment.objects.get().created_at < timedelta(seconds=60)


def test_deployed__old_limit__is_that_of_the_old_baseline(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor
) -> None:
    deploy(api, request_of)
    request_of.refresh_from_db()
    reference = [predictions(week, is_good=True).to_pandas() for week in (0, 1)]
    labels = [*reference[0]["label"], *reference[1]["label"]]
    predicted = [*reference[0]["prediction"], *reference[1]["prediction"]]
    limit = request_of.old_limits[str(classifier.id)]["accuracy"]["limit"]
    assert limit == pytest.approx(0.95 * accuracy_score(labels, predicted))


def test_verification__good_windows__ends_effective(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    run_next(classifier, 1)
    request_of.refresh_from_db()
    assert request_of.status == "verifying"
    for week in (BROKEN + 2, BROKEN + 3):
        run_week(classifier, week)
    request_of.refresh_from_db()
    assert request_of.status == "effective"
    assert request_of.conclusion.startswith("3 of 3 windows")
    assert not Alert.objects.filter(slice_key="retraining").exists()


def test_verification__bad_windows_that_agree_with_the_new_baseline__ends_ineffective_with_an_alert(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=False)
    assert {run.verdict for run in run_next(classifier)} == {"ok"}
    request_of.refresh_from_db()
    assert request_of.status == "ineffective"
    alert = Alert.objects.get(slice_key="retraining")
    assert (alert.kind, alert.phase) == ("performance", "open")
    (opened,) = AlertEvent.objects.filter(alert=alert, kind="opened")
    assert opened.notifies
    assert "0 of 3 windows" in opened.reason


def break_again(monitor: Monitor, week: int) -> None:
    """A week in which the labels have nothing to do with what the monitor's baseline knows."""
    Monitor.objects.update(performance_limits={"accuracy": {"minimum": 0.99}})
    run_week(monitor, week)


def test_require_retraining__after_an_ineffective_one__waits_for_a_person(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=False)
    run_next(classifier)
    RetrainingRequest.objects.update(created_at=timezone.now() - timedelta(days=1))
    write(7, is_good=False)
    break_again(classifier, 7)
    assert topics().count("drift.retraining_required") == 1
    path = f"/api/v1/retraining-requests/{request_of.id}/release"
    assert api.post(path).status_code == 200
    assert api.post(path).status_code == 409
    write(8, is_good=False)
    run_week(classifier, 8)
    assert topics().count("drift.retraining_required") == 2


def test_require_retraining__new_deployment_after_an_ineffective_one__is_asked_again(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=False)
    run_next(classifier)
    RetrainingRequest.objects.update(created_at=timezone.now() - timedelta(days=1))
    deploy(api, request_of, model_version="8")
    build_all()
    write(7, is_good=False)
    break_again(classifier, 7)
    assert topics().count("drift.retraining_required") == 2


def test_verification__neither_labels_nor_scores__ends_unverified(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    for week in range(BROKEN + 1, BROKEN + 4):
        write(week, is_good=True, has_labels=False, has_score=False)
    run_next(classifier)
    request_of.refresh_from_db()
    assert (request_of.status, request_of.verified_runs[0].get("metric")) == ("unverified", None)


def test_verification__scores_alone__are_enough(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    for week in range(BROKEN + 1, BROKEN + 4):
        write(week, is_good=True, has_labels=False)
    run_next(classifier)
    request_of.refresh_from_db()
    assert {each["kind"] for each in request_of.verified_runs} == {"estimated"}
    assert request_of.status == "effective"


def test_verification__windows_before_the_deployment__decide_nothing(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    run_week(classifier, 2, trigger="manual", scheduled_for=timezone.now())
    request_of.refresh_from_db()
    assert (request_of.status, request_of.verified_runs) == ("deployed", [])


def test_verification__old_baseline_while_the_new_one_is_built__decides_nothing(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    write(4, is_good=True)
    deploy(api, request_of)
    run_week(classifier, 4)
    request_of.refresh_from_db()
    assert (request_of.status, request_of.verified_runs) == ("deployed", [])


def test_verification__same_window_twice__counts_once(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    for minute in range(3):
        at = timezone.now() + timedelta(minutes=minute)
        run_week(classifier, BROKEN + 1, trigger="manual", scheduled_for=at)
    request_of.refresh_from_db()
    assert request_of.status == "verifying"


def test_deployed__second_version_while_verifying__begins_anew_with_the_oldest_limits(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=False)
    run_next(classifier, 2)
    request_of.refresh_from_db()
    limits = request_of.old_limits
    deploy(api, request_of, model_version="8")
    request_of.refresh_from_db()
    assert (request_of.status, request_of.verified_runs) == ("deployed", [])
    assert request_of.old_limits == limits
    assert set(request_of.new_baselines.values()) == {3}


def test_deployed__twice__is_one_deployment(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor
) -> None:
    first = deploy(api, request_of, model_version="7")
    again = deploy(api, request_of, status=200, model_version="7")
    assert first["id"] == again["id"]
    assert Baseline.objects.count() == 2
    deploy(api, request_of)
    deploy(api, request_of, status=200)
    assert Deployment.objects.count() == 2


def test_deployed__version_with_another_range__is_a_conflict(
    api: APIClient, request_of: RetrainingRequest
) -> None:
    deploy(api, request_of, model_version="7")
    other = deploy(
        api, request_of, status=409, model_version="7", trained_from=week_start(BROKEN - 1)
    )
    assert "reported before" in other["detail"]


def test_deployed__without_a_request__makes_a_baseline_alone(
    api: APIClient, classifier: Monitor
) -> None:
    made = deploy(api, classifier)
    assert made["request_id"] is None
    assert Baseline.objects.count() == 2


def test_deployed__other_place_of_the_data__is_read_by_a_worker_first(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor
) -> None:
    elsewhere = f"{classifier.reference_data_uri}/week*.parquet"
    made = deploy(api, request_of, reference_data_uri=elsewhere)
    job = Job.objects.get()
    assert made["baselines"][str(classifier.id)] == {"version": 2, "job_id": str(job.id)}
    assert Baseline.objects.count() == 1
    from monitors.jobs.services import answer_job

    answer_job(tenant_id=job.tenant_id, job_id=job.id, worker="w")
    classifier.refresh_from_db()
    assert classifier.reference_data_uri == elsewhere
    assert Baseline.objects.latest("version").version == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"trained_to": week_start(BROKEN)}, "trained_to"),
        ({"trained_to": "2999-01-01T00:00:00Z"}, "trained_to"),
        ({"deployed_at": "2999-01-01T00:00:00Z"}, "deployed_at"),
        ({"deployed_at": week_start(BROKEN)}, "deployed_at"),
        ({"trained_from": "yesterday"}, "trained_from"),
        ({"reference_data_uri": ""}, "reference_data_uri"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_deployed__bad_field__is_named_and_nothing_is_written(
    api: APIClient, request_of: RetrainingRequest, fields: dict[str, Any], field: str
) -> None:
    answer = deploy(api, request_of, status=400, **fields)
    assert [each["field"] for each in answer["errors"]] == [field]
    assert Baseline.objects.count() == 1
    assert not Deployment.objects.exists()


def test_deployed__unknown_model_or_that_of_another_tenant__is_not_found(
    other_api: APIClient, request_of: RetrainingRequest
) -> None:
    deploy(other_api, request_of, status=404)


def test_deployed__viewer__is_refused(viewer_api: APIClient, request_of: RetrainingRequest) -> None:
    deploy(viewer_api, request_of, status=403)


def test_deployed__no_limits__ends_unverified_at_once(
    api: APIClient, request_of: RetrainingRequest
) -> None:
    Monitor.objects.update(performance_limits={})
    deploy(api, request_of)
    request_of.refresh_from_db()
    assert request_of.status == "unverified"
    assert "performance limit" in request_of.conclusion


@pytest.mark.parametrize(
    ("state", "end"),
    [("requested", "expired"), ("deployed", "unverified"), ("verifying", "unverified")],
)
def test_end_overdue_requests__time_is_over__ends_each_state_its_way(
    request_of: RetrainingRequest, state: str, end: str
) -> None:
    RetrainingRequest.objects.update(status=state)
    assert end_overdue_requests() == 0
    RetrainingRequest.objects.update(expires_at=timezone.now())
    assert end_overdue_requests() == 1
    request_of.refresh_from_db()
    assert (request_of.status, bool(request_of.conclusion)) == (end, True)


def test_timeline__of_the_alert__tells_of_its_retraining(
    api: APIClient, request_of: RetrainingRequest, classifier: Monitor, write: Write
) -> None:
    new_model(api, request_of, write, is_good=True)
    run_next(classifier)
    rows = AlertEvent.objects.filter(alert=request_of.alert, kind="retraining").order_by("number")
    told = [row.reason for row in rows]
    assert told[0].startswith("Retraining was asked for")
    assert told[1] == "A new model was deployed."
    assert told[2].startswith("Retraining was effective: 3 of 3")


def test_requests__filters__by_model_and_status(
    api: APIClient, request_of: RetrainingRequest
) -> None:
    path = "/api/v1/retraining-requests"
    assert len(api.get(path, {"model_id": str(request_of.model_id)}).json()["results"]) == 1
    assert api.get(path, {"status": "expired"}).json()["results"] == []
    assert api.get(path, {"status": "lost"}).status_code == 400
    read = api.get(f"{path}/{request_of.id}").json()
    assert read["status"] == "requested"
    assert datetime.fromisoformat(read["suggested_from"]) == request_of.suggested_from


def test_requests__other_tenant__sees_none(
    other_api: APIClient, request_of: RetrainingRequest
) -> None:
    path = "/api/v1/retraining-requests"
    assert other_api.get(path).json()["results"] == []
    assert other_api.get(f"{path}/{request_of.id}").status_code == 404
    assert other_api.post(f"{path}/{request_of.id}/release").status_code == 404


def test_release__open_request__is_a_conflict(
    api: APIClient, request_of: RetrainingRequest
) -> None:
    answer = api.post(f"/api/v1/retraining-requests/{request_of.id}/release")
    assert answer.status_code == 409
    assert "it is requested" in answer.json()["detail"]
