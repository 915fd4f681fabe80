import re

import pytest
from django.test import Client

from detections.models import DetectionRun, DetectorState
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.factories import make_detection, make_finished_run, make_monitor

RUNS, DETECTIONS = "/admin/detections/detectionrun/", "/admin/detections/detection/"


@pytest.fixture
def admin(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def drifted(monitor: Monitor) -> DetectionRun:
    run = make_finished_run(monitor, "drift", worker="worker-42")
    names = [
        "feature",
        "verdict",
        "statistic",
        "p_adjusted",
        "effect_size",
        "tolerance",
        "n_current",
        "reason",
    ]
    row = dict.fromkeys(names) | {
        "feature": "<b>delay</b>",
        "effect_size": 0.123456,
        "verdict": "drift",
    }
    make_detection(run, "ks", "drift", details=[row])
    return run


def words(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.decode()))


def test_run_list__own_tenant__shows_it(admin: Client, drifted: DetectionRun) -> None:
    page = admin.get(RUNS)
    assert page.status_code == 200
    assert str(drifted.id) in page.content.decode()
    assert "worker-42" in words(page.content)


def test_run_list__other_tenants_run__is_not_there(admin: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_finished_run(make_monitor(name="Secret monitor"))
    page = admin.get(RUNS).content.decode()
    assert str(theirs.id) not in page
    assert "Secret monitor" not in page
    assert admin.get(f"{RUNS}{theirs.id}/change/").status_code == 302


def test_detector_list__after_outcomes__shows_their_signals(
    admin: Client, monitor: Monitor
) -> None:
    rows = rows_from_json([{"error": 1}, {"error": 0}])
    accept_outcomes(monitor=monitor, stream="default", batch_id="a", rows=rows)
    page = admin.get("/admin/detections/detectorstate/")
    assert "e_process stable 2 0" in words(page.content)
    state = DetectorState.objects.get(method="adwin")
    assert f"/admin/streams/{state.stream_id}/" in page.content.decode()


@pytest.mark.parametrize("path", [RUNS, DETECTIONS])
def test_runs_and_detections__adding_changing_deleting__are_refused(
    admin: Client, drifted: DetectionRun, path: str
) -> None:
    row = drifted.id if path == RUNS else drifted.detections.get().id
    before = DetectionRun.objects.values().get()
    assert admin.get(f"{path}add/").status_code == 403
    assert admin.post(f"{path}{row}/change/", {"verdict": "ok"}).status_code == 403
    assert admin.post(f"{path}{row}/delete/", {"post": "yes"}).status_code == 403
    assert DetectionRun.objects.values().get() == before


def test_detection_list__drifted__shows_the_worst(admin: Client, drifted: DetectionRun) -> None:
    drifted.detections.update(worst_feature="delay", severity="critical")
    found = words(admin.get(DETECTIONS).content)
    assert "delay" in found
    assert "critical" in found


def test_admin__signed_out__asks_to_sign_in(client: Client, drifted: DetectionRun) -> None:
    answer = client.get(RUNS)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
