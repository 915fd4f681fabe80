"""One incident per cause: what changed alike is one group, and its cause has a name."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.episodes.causes import cause_of
from alerts.episodes.run_answers import Kind, MethodAnswer
from alerts.models import Alert
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import Method
from algorithms.profiles import NumericSummary
from algorithms.verdicts import Severity, Verdict
from detections.results import RunResult
from detections.runs.completion import complete_run
from monitors.models import Monitor
from tests.factories import drift_result, make_monitor, make_run, take


def drifted(feature: str, **values: Any) -> FeatureDetail:
    standard: dict[str, Any] = {"effect_size": 0.3, "scale": 0.1, "severity": Severity.WARNING}
    return FeatureDetail(feature=feature, kind=None, verdict=Verdict.DRIFT, **standard | values)


def answer(method: Method, *details: FeatureDetail) -> MethodResult:
    result = drift_result(Severity.WARNING).methods[0]
    return replace(result, method=method, details=details)


def cause(*results: MethodResult) -> dict[str, Any]:
    return cause_of([MethodAnswer.of_result(each) for each in results], Kind.STATISTICAL)


def nulls(feature: str, now: float) -> FeatureDetail:
    return drifted(feature, null_rate_reference=0.01, null_rate_current=now)


def scaled(feature: str, by: float, spread: float | None = None) -> FeatureDetail:
    return drifted(
        feature,
        reference_summary=NumericSummary(mean=10.0, std=3.0),
        current_summary=NumericSummary(mean=10.0 * by, std=3.0 * (spread or by)),
    )


def test_cause__same_change_of_nulls__is_one_group() -> None:
    found = cause(answer(Method.NULL_RATE, nulls("a", 0.31), nulls("b", 0.312), nulls("c", 0.6)))
    assert [(each["cause"], each["features"]) for each in found["groups"]] == [
        ("nulls", ["a", "b"]),
        ("nulls", ["c"]),
    ]
    assert found["likely"] == "In a, b, 30 % of the rows more have no value."


def test_cause__same_new_category__is_named() -> None:
    new = {"new_categories": 1, "new_category_examples": ["XX"]}
    details = [drifted(name, explanation=new) for name in ("origin", "dest")]
    found = cause(answer(Method.NEW_CATEGORIES, *details))
    assert found["likely"] == "In origin, dest, there is a new category, 'XX'."


def test_cause__fewer_rows__is_named_whatever_else_drifted() -> None:
    rows = drifted("(rows)", n_current=100, explanation={"usual": 1000.0})
    found = cause(answer(Method.ROW_COUNT, rows), answer(Method.KS, drifted("delay")))
    assert found["likely"] == "The window has fewer rows than usual (100, not 1,000)."
    assert found["drifted"] == 2


@pytest.mark.parametrize(("by", "spread"), [(1.6, None), (0.001, None), (25.4, None)])
def test_cause__mean_and_spread_by_one_factor__is_a_unit(by: float, spread: float | None) -> None:
    [group] = cause(answer(Method.KS, scaled("km", by, spread)))["groups"]
    assert (group["cause"], group["features"]) == ("scale", ["km"])


@pytest.mark.parametrize(("by", "spread"), [(1.6, 1.0), (1.0, 1.6), (1.2, 1.2), (-1.6, 1.6)])
def test_cause__another_change__has_no_name(by: float, spread: float) -> None:
    found = cause(answer(Method.KS, scaled("km", by, spread)))
    assert found == {"drifted": 1, "groups": []}


def test_alert__forty_features__are_one_alert_ranked_by_effect_and_importance(
    monitor: Monitor,
) -> None:
    details = [drifted(f"f{i}", effect_size=0.2, importance=1.0) for i in range(40)]
    details[33] = drifted("rare", effect_size=0.15, importance=10.0)
    details[34] = drifted("large", effect_size=0.9)
    result = answer(Method.KS, *details)
    run = make_run(monitor)
    assert complete_run(take(run), RunResult(verdict=Verdict.DRIFT, rows=9, methods=(result,)))
    alert = Alert.objects.get()
    assert [each["feature"] for each in alert.drifted_features[:2]] == ["rare", "large"]
    assert alert.summary == "Flights: drift in rare, large, f0 and 37 more"
    assert (len(alert.drifted_features), alert.cause["drifted"]) == (20, 40)


def test_alert__with_a_cause__says_it_in_its_summary(monitor: Monitor) -> None:
    result = answer(Method.NULL_RATE, nulls("a", 0.5), nulls("b", 0.5))
    run = make_run(monitor)
    assert complete_run(take(run), RunResult(verdict=Verdict.DRIFT, rows=9, methods=(result,)))
    assert Alert.objects.get().summary == (
        "Flights: drift in a, b. In a, b, 49 % of the rows more have no value."
    )


@pytest.fixture
def monitor(in_tenant: Any) -> Monitor:
    return make_monitor(name="Flights")
