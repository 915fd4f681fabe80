"""From reasons to a tested suggestion and its acceptance, with real windows of flights."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import Alert, Suggestion
from detections.models import Backtest, DetectionRun
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tasks.detections import build_backtest
from tests.data import TIMESTAMPS, flights_like
from tests.detections.prediction_tables import run_week
from tests.factories import WEEK, make_flights_monitor

SHIFTS = {2: 1.2, 3: 0.0, 4: 1.3, 5: 0.0, 6: 1.5, 7: 9.0}
NOISE, REAL = (2, 4, 6), 7


def shifted(week: int, shift: float) -> pa.Table:
    table = flights_like(week=0, start=TIMESTAMPS[0] + week * WEEK)
    delay = pa.array(table["delay"].to_numpy() + shift)
    return table.set_column(table.column_names.index("delay"), "delay", delay)


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    for week in (0, 1, *SHIFTS):
        pq.write_table(shifted(week, SHIFTS.get(week, 0.0)), flights / f"week{week}.parquet")
    return make_flights_monitor(
        flights, name="Flights", methods=["ks"], feature_columns=["delay", "distance"],
        tolerances={"ks": {"default": 0.02}},
    )  # fmt: skip


def judged(run: DetectionRun, reason: str) -> Alert:
    """An alert of one run that a person gave a reason for."""
    now = timezone.now()
    return Alert.objects.create(
        tenant_id=run.tenant_id, monitor_id=run.monitor_id, first_run=run, last_run=run, phase="resolved",
        attention="acknowledged", severity="warning", peak_severity="warning", opened_at=now, resolved_at=now,
        acknowledged_at=now, acknowledged_by="user:ana", acknowledged_reason=reason, summary="Flights: drift",
        drifted_features=[{"feature": "delay", "method": "ks"}],
        window_start=run.window_start, window_end=run.window_end,
    )  # fmt: skip


@pytest.fixture
def history(monitor: Monitor) -> dict[int, Alert]:
    """An alert for each drifted week: three of noise, and a real one."""
    runs = {week: run_week(monitor, week) for week in SHIFTS}
    assert {week for week, run in runs.items() if run.verdict == "drift"} == {*NOISE, REAL}
    Alert.objects.all().delete()
    reasons = dict.fromkeys(NOISE, "noise") | {REAL: "real"}
    return {week: judged(runs[week], reason) for week, reason in reasons.items()}


def learn(api: APIClient, monitor: Monitor) -> list[dict[str, Any]]:
    answer = api.post(f"/api/v1/monitors/{monitor.id}/suggestions")
    assert answer.status_code == 202, answer.json()
    found: list[dict[str, Any]] = answer.json()["suggestions"]
    return found


def replay() -> None:
    """As a worker does it: build each backtest that waits."""
    for tenant_id, backtest_id in list(
        Backtest.objects.filter(status="running").values_list("tenant_id", "id")
    ):
        build_backtest(tenant_id=str(tenant_id), backtest_id=str(backtest_id))


@pytest.fixture
def offered(api: APIClient, monitor: Monitor, history: dict[int, Alert]) -> Suggestion:
    learn(api, monitor)
    replay()
    return Suggestion.objects.get()


def test_learn__before_the_backtest__offers_nothing(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    (found,) = learn(api, monitor)
    assert (found["status"], found["feature"], found["method"]) == ("testing", "delay", "ks")
    assert found["summary"].endswith("3 of 4 alerts were noise")
    assert api.post(f"/api/v1/suggestions/{found['id']}/accept").status_code == 409


def test_learn__backtest_ends__is_offered_with_what_it_would_have_hidden(
    offered: Suggestion, history: dict[int, Alert]
) -> None:
    assert (offered.status, offered.reason) == ("offered", "")
    hidden = {each["alert_id"] for each in offered.hidden}
    assert hidden == {str(history[week].id) for week in NOISE}
    assert {each["reason"] for each in offered.hidden} == {"noise"}


def test_learn__tolerance__is_above_the_noise_as_scipy_measures_it(offered: Suggestion) -> None:
    from scipy.stats import ks_2samp

    reference = np.concatenate([shifted(week, 0.0)["delay"].to_numpy() for week in (0, 1)])

    def distance(week: int) -> float:
        found = ks_2samp(reference, shifted(week, SHIFTS[week])["delay"].to_numpy())
        return float(found.statistic)

    assert max(map(distance, NOISE)) * 0.9 < offered.tolerance < distance(REAL)


def test_accept__offered__sets_the_tolerance_and_names_who_did_it(
    api: APIClient, offered: Suggestion, monitor: Monitor
) -> None:
    answer = api.post(f"/api/v1/suggestions/{offered.id}/accept")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["accepted_by"] == "key:test-operator"
    monitor.refresh_from_db()
    assert monitor.tolerances == {"ks": {"default": 0.02, "features": {"delay": offered.tolerance}}}
    again = run_week(monitor, NOISE[0], trigger="manual", scheduled_for=timezone.now())
    assert again.verdict == "ok"
    assert api.post(f"/api/v1/suggestions/{offered.id}/accept").status_code == 409


def test_accept__tolerance_changed_since__is_a_conflict(
    api: APIClient, offered: Suggestion
) -> None:
    Monitor.objects.update(tolerances={"ks": {"default": 0.03}})
    answer = api.post(f"/api/v1/suggestions/{offered.id}/accept")
    assert answer.status_code == 409
    assert "was changed since" in answer.json()["detail"]


def test_settle__it_would_hide_a_real_alert__is_refused(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    learn(api, monitor)
    Alert.objects.filter(id=history[NOISE[1]].id).update(acknowledged_reason="real")
    replay()
    refused = Suggestion.objects.get()
    assert refused.status == "refused"
    assert "hidden an alert that was real" in refused.reason


def test_settle__another_method_drifts_too__is_refused(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    Monitor.objects.update(methods=["ks", "psi"], thresholds={"psi": {"default": 0.001}})
    learn(api, monitor)
    replay()
    refused = Suggestion.objects.get()
    assert (refused.status, refused.hidden) == ("refused", [])
    assert "no alert of noise" in refused.reason


def test_settle__failed_backtest__is_refused_with_its_reason(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    learn(api, monitor)
    Backtest.objects.update(
        status="failed", reason="The data are gone.", finished_at=timezone.now()
    )
    learn(api, monitor)
    refused = Suggestion.objects.filter(status="refused").get()
    assert refused.reason == "It was not tested: The data are gone."


def test_learn__twice__asks_for_one_backtest(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    first, second = learn(api, monitor), learn(api, monitor)
    assert first == second
    assert Backtest.objects.count() == 1


def test_learn__reasons_that_no_longer_say_so__supersede_it(
    api: APIClient, offered: Suggestion, monitor: Monitor
) -> None:
    Alert.objects.update(acknowledged_reason="real")
    assert learn(api, monitor) == []
    offered.refresh_from_db()
    assert offered.status == "superseded"


def test_backtest__with_changes__leaves_the_monitor_as_it_is(
    offered: Suggestion, monitor: Monitor
) -> None:
    monitor.refresh_from_db()
    assert monitor.tolerances == {"ks": {"default": 0.02}}


def test_learn__monitor_that_cannot_be_replayed__is_a_conflict(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    Monitor.objects.update(timestamp_column="")
    answer = api.post(f"/api/v1/monitors/{monitor.id}/suggestions")
    assert answer.status_code == 409


def test_precision__of_the_monitor__counts_reasons(
    api: APIClient, monitor: Monitor, history: dict[int, Alert]
) -> None:
    found = api.get(f"/api/v1/monitors/{monitor.id}/precision").json()
    assert found["precision"] == 0.25
    assert found["counts"] == {"real": 1, "data_bug": 0, "noise": 3, "expected": 0}
    assert [each["feature"] for each in found["features"]] == ["delay"]


def test_learning__other_tenant__sees_nothing(
    other_api: APIClient, offered: Suggestion, monitor: Monitor
) -> None:
    assert other_api.get(f"/api/v1/monitors/{monitor.id}/precision").status_code == 404
    assert other_api.get(f"/api/v1/monitors/{monitor.id}/suggestions").status_code == 404
    assert other_api.post(f"/api/v1/monitors/{monitor.id}/suggestions").status_code == 404
    assert other_api.get(f"/api/v1/suggestions/{offered.id}").status_code == 404
    assert other_api.post(f"/api/v1/suggestions/{offered.id}/accept").status_code == 404


def test_learning__viewer__may_only_read(
    viewer_api: APIClient, offered: Suggestion, monitor: Monitor
) -> None:
    assert viewer_api.get(f"/api/v1/monitors/{monitor.id}/suggestions").json()["results"]
    assert viewer_api.post(f"/api/v1/monitors/{monitor.id}/suggestions").status_code == 403
    assert viewer_api.post(f"/api/v1/suggestions/{offered.id}/accept").status_code == 403
