"""The evidence that rules ask for, and the rules in the API."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from alerts.models import RetrainingRequest, RetrainingRule
from alerts.retraining.evidence import (
    INSTALLATION_RULE,
    DriftedFeature,
    Facts,
    Loss,
    Rule,
    weigh,
)
from algorithms.verdicts import Severity
from monitors.models import Monitor
from tests.alerts.conftest import Settle
from tests.factories import make_monitor

ACCURACY = Loss(kind="measured", metric="accuracy", value=0.8, limit=0.9)


def drift(feature: str = "delay", severity: Severity = Severity.WARNING) -> DriftedFeature:
    return DriftedFeature(feature=feature, method="ks", severity=severity)


def kinds(rule: Rule, facts: Facts) -> list[str]:
    return [each.kind for each in weigh(rule, facts)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(windows=1, drifted=[drift()]), []),
        (Facts(windows=2, drifted=[drift()]), []),
        (Facts(windows=3, drifted=[drift()]), ["persistence"]),
        (Facts(windows=1, drifted=[drift(severity=Severity.CRITICAL)]), ["features"]),
        (Facts(windows=1, losses=[ACCURACY]), ["performance"]),
    ],
)
def test_weigh__installations_rule__wants_loss_three_windows_or_a_critical_one(
    facts: Facts, expected: list[str]
) -> None:
    assert kinds(INSTALLATION_RULE, facts) == expected


@pytest.mark.parametrize(
    ("windows", "losses", "expected"),
    [(2, [ACCURACY], ["persistence", "performance"]), (1, [ACCURACY], []), (2, [], [])],
)
def test_weigh__all__needs_each_part(windows: int, losses: list[Loss], expected: list[str]) -> None:
    rule = Rule(needs_all=True, persistence_runs=2, performance=True)
    assert kinds(rule, Facts(windows=windows, losses=losses)) == expected


def test_weigh__chosen_features__ignores_the_others() -> None:
    rule = Rule(features=("delay",), least_severity=Severity.WARNING)
    others = [drift("carrier", Severity.CRITICAL), drift("delay", Severity.INFO)]
    assert kinds(rule, Facts(windows=9, drifted=others)) == []
    (found,) = weigh(rule, Facts(windows=1, drifted=[*others, drift()]))
    assert found.data == {"features": ["delay"]}
    assert found.words == "drift of warning severity or more in delay"


def test_weigh__loss__is_in_words_with_value_and_limit() -> None:
    (found,) = weigh(Rule(performance=True), Facts(windows=1, losses=[ACCURACY]))
    assert found.words == "measured accuracy is 0.8, and its limit 0.9"


def test_require_retraining__three_warnings__ask_at_the_third(settle: Settle) -> None:
    settle(1), settle(2)
    assert not RetrainingRequest.objects.exists()
    third = settle(3)
    request = RetrainingRequest.objects.get()
    assert request.run_id == third.id
    assert request.evidence[0]["kind"] == "persistence"
    assert request.suggested_to - request.suggested_from == timedelta(weeks=3)


def test_require_retraining__shortest_range__goes_further_back(
    settle: Settle, monitor: Monitor
) -> None:
    put(monitor, features=["delay"], least_severity="info", shortest_range=timedelta(days=28))
    run = settle(3)
    request = RetrainingRequest.objects.get()
    assert request.suggested_from == run.window_end - timedelta(days=28)


def put(monitor: Monitor | None, **fields: Any) -> RetrainingRule:
    model_id = monitor.model_id if monitor else None
    values = {"changed_by": "key:test", "model_id": model_id} | fields
    tenant_id = Monitor.objects.values_list("tenant_id", flat=True)[0]
    return RetrainingRule.objects.create(tenant_id=tenant_id, **values)


def test_require_retraining__rule_of_the_model__goes_before_the_tenants(
    settle: Settle, monitor: Monitor
) -> None:
    put(None, features=[], least_severity="info")
    put(monitor, performance=True)
    settle(3)
    assert not RetrainingRequest.objects.exists()
    settle(3, of=make_monitor())
    assert RetrainingRequest.objects.count() == 1


def test_require_retraining__rules_cooldown__replaces_the_settings(
    settle: Settle, monitor: Monitor
) -> None:
    put(monitor, features=[], least_severity="info", cooldown=timedelta(0))
    settle(3)
    RetrainingRequest.objects.update(status="expired", finished_at="2024-01-01T00:00:00Z")
    settle(4)
    assert RetrainingRequest.objects.count() == 2


def path_of(monitor: Monitor) -> str:
    return f"/api/v1/models/{monitor.model_id}/retraining-rule"


def test_rule_api__nothing_set__shows_the_installations(api: APIClient, monitor: Monitor) -> None:
    shown = api.get(path_of(monitor)).json()
    assert (shown["set_for"], shown["performance"], shown["persistence_runs"]) == (
        "installation",
        True,
        3,
    )
    assert (shown["features"], shown["least_severity"]) == ([], "critical")


def test_rule_api__put__replaces_the_rule(admin_api: APIClient, monitor: Monitor) -> None:
    body = {"performance": True, "cooldown": "P7D"}
    assert admin_api.put("/api/v1/retraining-rule", body).json()["set_for"] == "tenant"
    assert admin_api.get(path_of(monitor)).json()["set_for"] == "tenant"
    mine = admin_api.put(path_of(monitor), {"persistence_runs": 2}).json()
    assert (mine["set_for"], mine["performance"], mine["cooldown"]) == ("model", False, None)
    assert mine["changed_by"] == "key:test-admin"
    assert admin_api.get("/api/v1/retraining-rule").json()["cooldown"] == "P7D"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "persistence_runs"),
        ({"persistence_runs": 0}, "persistence_runs"),
        ({"features": ["dealy"]}, "features"),
        ({"features": [7]}, "features[0]"),
        ({"performance": True, "cooldown": "P4000D"}, "cooldown"),
        ({"performance": True, "shortest_range": "P0D"}, "shortest_range"),
        ({"performance": True, "least_severity": "fatal"}, "least_severity"),
        ({"performance": True, "verify_windows": 0}, "verify_windows"),
        ({"performance": True, "surprise": 1}, "surprise"),
    ],
)
def test_rule_api__bad_field__is_named_and_nothing_is_written(
    admin_api: APIClient, monitor: Monitor, body: dict[str, Any], field: str
) -> None:
    answer = admin_api.put(path_of(monitor), body)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not RetrainingRule.objects.exists()


def test_rule_api__known_feature__is_taken(admin_api: APIClient, monitor: Monitor) -> None:
    Monitor.objects.update(feature_columns=["delay"])
    assert admin_api.put(path_of(monitor), {"features": ["delay"]}).status_code == 200


def test_rule_api__operator__may_only_read(api: APIClient, monitor: Monitor) -> None:
    assert api.get(path_of(monitor)).status_code == 200
    assert api.put(path_of(monitor), {"performance": True}).status_code == 403


def test_rule_api__unknown_model__is_not_found(admin_api: APIClient, monitor: Monitor) -> None:
    path = f"/api/v1/models/{uuid4()}/retraining-rule"
    assert admin_api.get(path).status_code == 404
    assert admin_api.put(path, {"performance": True}).status_code == 404
