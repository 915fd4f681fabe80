"""Estimates that evidence speaks against: from their inputs, and from earlier windows."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score

from alerts.models import Alert
from detections.models import Detection, DetectionRun
from drift_detector.tenancy.models import Tenant
from monitors.baselines.cache import frozen_baselines
from monitors.models import Baseline, Monitor
from tests.data import TIMESTAMPS, flights_like
from tests.detections.prediction_tables import details, run_week, watch
from tests.factories import WEEK, make_run

TURNED = 2000
LIMITS = {"accuracy": {"minimum": 0.3}}


def turned(week: int, *, labels: bool = True, is_far: bool = False) -> pa.Table:
    """Scores are true probabilities on short flights; on long ones labels are turned round."""
    table = flights_like(week=min(week, 2), start=TIMESTAMPS[week])
    random, rows = np.random.default_rng(100 + week), table.num_rows
    least = TURNED if is_far else 100
    distance = random.integers(least, 3000, rows)
    score = random.beta(0.4, 0.4, rows)
    chance = np.where(distance > TURNED, 1 - score, score)
    label = (random.random(rows) < chance).astype(np.int64)
    place = table.column_names.index("distance")
    columns = {
        "score": pa.array(score),
        "prediction": pa.array((score >= 0.5) * 1),
        "label": pa.array(label, mask=np.full(rows, not labels)),
    }
    table = table.set_column(place, "distance", pa.array(distance))
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


@pytest.fixture
def classifier(in_tenant: Tenant, flights: Path) -> Monitor:
    tables = {week: turned(week) for week in range(4)}
    return watch(flights, tables, score_column="score", performance_limits=LIMITS)


def estimated(run: DetectionRun) -> dict[str, Any]:
    return details(run, "estimated_performance")["accuracy"]


def test_execute__inputs_where_labels_are_turned__the_estimate_is_unsupported(
    classifier: Monitor, flights: Path
) -> None:
    pq.write_table(turned(2, labels=False, is_far=True), flights / "week2.parquet")
    run = run_week(classifier, 2)
    found, labelled = estimated(run), turned(2, is_far=True)
    realised = accuracy_score(labelled["label"], labelled["prediction"])
    assert found["verdict"] == "unsupported"
    assert found["statistic"] - realised > 0.2
    assert "The inputs differ from the reference's" in found["reason"]
    assert found["explanation"]["support"]["shift"] > 0.7
    assert not Detection.objects.filter(run=run, verdict="ok", detection_type="performance")


def test_execute__inputs_as_in_the_reference__the_estimate_is_ok(
    classifier: Monitor, flights: Path
) -> None:
    pq.write_table(turned(2, labels=False), flights / "week2.parquet")
    run = run_week(classifier, 2)
    assert (run.verdict, estimated(run)["verdict"]) == ("ok", "ok")
    assert (run.phases or {})["support"] > 0


def test_execute__labels_beside_an_unsupported_estimate__count_alone(
    classifier: Monitor, flights: Path
) -> None:
    pq.write_table(turned(2, is_far=True), flights / "week2.parquet")
    run = run_week(classifier, 2)
    assert estimated(run)["verdict"] == "unsupported"
    assert "estimated_performance" not in run.reason
    assert {each["feature"] for each in Alert.objects.get(kind="performance").drifted_features} == {
        "accuracy"
    }


def remember(monitor: Monitor, *realised: float) -> None:
    """Earlier windows whose accuracy was estimated as 0.8, and what labels showed."""
    for place, value in enumerate(realised, 1):
        end = TIMESTAMPS[2] - place * timedelta(days=1)
        run = make_run(
            monitor, week=1, window_start=end - WEEK, window_end=end, scheduled_for=end,
            baseline=Baseline.objects.get(monitor=monitor),
        )  # fmt: skip
        beside = {"estimated": {"value": 0.8, "lower": 0.78, "upper": 0.82}}
        ends = {"lower": value - 0.02, "upper": value + 0.02}
        detail = {
            "feature": "accuracy", "verdict": "ok", "statistic": value, "explanation": beside | ends,
        }  # fmt: skip
        Detection.objects.create(
            tenant_id=monitor.tenant_id, run=run, monitor=monitor, detection_type="performance",
            method="performance", verdict="ok", is_drifted=False, details=[detail],
            window_start=run.window_start, window_end=run.window_end,
        )  # fmt: skip


def test_execute__earlier_estimates_were_wrong__the_run_is_unsupported(
    classifier: Monitor, flights: Path
) -> None:
    remember(classifier, 0.6, 0.81, 0.65)
    pq.write_table(turned(2, labels=False), flights / "week2.parquet")
    run = run_week(classifier, 2)
    assert (run.verdict, estimated(run)["verdict"]) == ("unsupported", "unsupported")
    assert "Of the last 3 windows whose labels have come" in run.reason
    assert "more than 0.05 in 2" in run.reason


def test_execute__earlier_estimates_were_right__the_run_is_ok(
    classifier: Monitor, flights: Path
) -> None:
    remember(classifier, 0.79, 0.84, 0.6)
    pq.write_table(turned(2, labels=False), flights / "week2.parquet")
    assert run_week(classifier, 2).verdict == "ok"


def labelled_every(table: pa.Table, step: int) -> pa.Table:
    """The window with one label in so many rows."""
    place = table.column_names.index("label")
    masked = np.arange(table.num_rows) % step != 0
    label = pa.array(table["label"].to_numpy(zero_copy_only=False), mask=masked)
    return table.set_column(place, "label", label)


@pytest.mark.parametrize(("step", "rows"), [(5, 800), (40, None)])
def test_baseline__few_rows_have_labels__sample_is_of_those_or_the_card_says_why(
    in_tenant: Tenant, flights: Path, monkeypatch: pytest.MonkeyPatch, step: int, rows: int | None
) -> None:
    """The reference has 4,000 rows, the sample 1,000: one drawn before labels are looked at would hold 200 of 800."""
    monkeypatch.setattr("monitors.sampled_predictions.MOST_ROWS", 1000)
    tables = {week: labelled_every(turned(week), step) for week in range(4)}
    monitor = watch(flights, tables, score_column="score", performance_limits=LIMITS)
    baseline = Baseline.objects.get(monitor=monitor)
    learnt = frozen_baselines.get(baseline).estimators
    assert learnt is not None
    found = learnt.sample.rows if learnt.sample is not None else None
    assert found == rows
    assert ("100 have one" in (baseline.performance or {}).get("reason", "")) == (rows is None)


def test_baseline__sensitive_feature__no_row_of_it_is_kept(
    in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: turned(week) for week in range(4)}
    monitor = watch(
        flights, tables, score_column="score", performance_limits=LIMITS,
        feature_columns=["delay", "distance", "carrier"], sensitive_features=["distance"],
    )  # fmt: skip
    learnt = frozen_baselines.get(Baseline.objects.get(monitor=monitor)).estimators
    assert learnt is not None
    assert learnt.sample is not None
    assert learnt.sample.features == ("delay", "carrier")
