"""What a run says of the model's performance, from the monitor's data and from outcomes that were sent."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, roc_auc_score

from alerts.models import Alert
from detections.models import Detection, DetectorState, OutcomeBatch, OutcomeStream
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from monitors.sources import (
    FileCounts,
    WindowSpec,
    read_counted_window,
    table_from_bytes,
    table_to_bytes,
)
from tests.data import TIMESTAMPS, flights_like
from tests.detections.prediction_tables import classified, details, run_week, watch
from tests.factories import WEEK, make_flights_monitor

LIMITS = {"accuracy": {"relative": 0.05}, "roc_auc": {"minimum": 0.6}}


def regressed(week: int) -> pa.Table:
    """Errors grow with the distance."""
    table = flights_like(week=week, start=TIMESTAMPS[week])
    random = np.random.default_rng(100 + week)
    distance = table["distance"].to_numpy() / 1000
    label = distance + random.normal(size=table.num_rows) * (0.2 + distance)
    return table.append_column("prediction", pa.array(distance)).append_column(
        "label", pa.array(label)
    )


@pytest.fixture
def classifier(in_tenant: Tenant, flights: Path) -> Monitor:
    return watch(
        flights,
        {week: classified(week) for week in range(4)},
        score_column="score",
        performance_limits=LIMITS,
    )


def test_execute__classifier__has_the_metrics_of_scikit_learn(classifier: Monitor) -> None:
    found, table = details(run_week(classifier, 2), "performance"), classified(2)
    accuracy = accuracy_score(table["label"], table["prediction"])
    assert found["accuracy"]["statistic"] == pytest.approx(accuracy)
    assert found["roc_auc"]["statistic"] == pytest.approx(
        roc_auc_score(table["label"], table["score"])
    )
    assert (
        found["accuracy"]["explanation"]["lower"]
        < accuracy
        < found["accuracy"]["explanation"]["upper"]
    )
    reference = pa.concat_tables([classified(0), classified(1)])
    assert found["accuracy"]["threshold"] == pytest.approx(
        0.95 * accuracy_score(reference["label"], reference["prediction"])
    )


def test_execute__metrics_and_new_outcomes__read_the_answers_once(
    classifier: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Monitor.objects.filter(id=classifier.id).update(concept_methods=["adwin"])
    reads: list[WindowSpec] = []

    def counted(spec: WindowSpec) -> tuple[pa.Table, FileCounts]:
        reads.append(spec)
        return read_counted_window(spec)

    monkeypatch.setattr("monitors.prediction_tables.read_counted_window", counted)
    for week in (2, 3):
        run_week(classifier, week)
    assert [(spec.start, spec.end) for spec in reads] == [
        (TIMESTAMPS[2], TIMESTAMPS[3]),
        (TIMESTAMPS[3], TIMESTAMPS[3] + WEEK),
    ]
    assert OutcomeStream.objects.get().sequence == classified(2).num_rows + classified(3).num_rows


def test_execute__labels_turn_random__is_drift_with_an_alert(classifier: Monitor) -> None:
    assert run_week(classifier, 2).verdict == "ok"
    run = run_week(classifier, 3)
    found = details(run, "performance")
    assert (run.verdict, found["accuracy"]["verdict"], found["roc_auc"]["verdict"]) == (
        "drift",
        "drift",
        "drift",
    )
    assert found["accuracy"]["severity"] == "critical"
    assert "below the limit" in found["accuracy"]["reason"]
    assert {each["feature"] for each in Alert.objects.get().drifted_features} >= {
        "accuracy",
        "roc_auc",
    }


def test_execute__no_labels_yet__estimates_and_later_compares(
    classifier: Monitor, flights: Path
) -> None:
    pq.write_table(classified(2, labels=False), flights / "week2.parquet")
    early = run_week(classifier, 2)
    assert not Detection.objects.filter(run=early, method="performance").exists()
    estimate = details(early, "estimated_performance")["accuracy"]
    pq.write_table(classified(2), flights / "week2.parquet")
    late = run_week(
        classifier, 2, trigger="manual", scheduled_for=TIMESTAMPS[3] + timedelta(days=30)
    )
    realised = details(late, "performance")["accuracy"]
    assert realised["explanation"]["estimated"]["value"] == estimate["statistic"]
    assert (
        estimate["explanation"]["lower"] < realised["statistic"] < estimate["explanation"]["upper"]
    )


def test_execute__regressor__measures_and_estimates_its_losses(
    in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: regressed(week) for week in range(4)}
    limits = {"mae": {"relative": 0.2}, "rmse": {"maximum": 9.0}}
    monitor = watch(flights, tables, performance_limits=limits)
    run = run_week(monitor, 2)
    found, estimated = details(run, "performance"), details(run, "estimated_performance")
    assert found["mae"]["statistic"] == pytest.approx(
        mean_absolute_error(tables[2]["label"], tables[2]["prediction"])
    )
    assert found["mae"]["verdict"] == found["rmse"]["verdict"] == "ok"
    explanation = estimated["mae"]["explanation"]
    assert explanation["lower"] < found["mae"]["statistic"] < explanation["upper"]


def test_execute__outcomes_that_were_sent__are_measured_too(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.9}, "f1": {"relative": 0.1}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    inside, outside = TIMESTAMPS[2] + timedelta(days=1), TIMESTAMPS[3] + timedelta(days=1)
    outcomes = [
        {"occurred_at": inside.isoformat(), "prediction": 1, "label": n % 5 > 0} for n in range(200)
    ]
    outcomes += [
        {"occurred_at": outside.isoformat(), "prediction": 1, "label": 0} for _ in range(100)
    ]
    accept_outcomes(monitor=monitor, stream="default", batch_id="a", rows=rows_from_json(outcomes))
    found = details(run_week(monitor, 2), "performance")
    assert (found["accuracy"]["statistic"], found["accuracy"]["n_current"]) == (0.8, 200)
    assert found["accuracy"]["verdict"] == "drift"
    assert "relative to the reference" in found["f1"]["reason"]


def test_execute__score_as_prediction_and_feature_named_score__are_each_what_they_are(
    in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: regressed(week).rename_columns(["departs_at", "delay", "score", "carrier", "prediction", "label"])
              for week in range(4)}  # fmt: skip
    monitor = watch(
        flights,
        tables,
        feature_columns=["score"],
        score_column="prediction",
        performance_limits={"mae": {"maximum": 9.0}},
    )
    run = run_week(monitor, 2)
    estimate = details(run, "estimated_performance")["mae"]["explanation"]
    assert estimate["lower"] < details(run, "performance")["mae"]["statistic"] < estimate["upper"]


def test_execute__scores_that_are_none__costs_the_estimate_alone(
    classifier: Monitor, flights: Path
) -> None:
    table = classified(2)
    wild = pa.array(np.where(np.arange(table.num_rows) == 0, 1.5, table["score"].to_numpy()))
    pq.write_table(
        table.set_column(table.column_names.index("score"), "score", wild),
        flights / "week2.parquet",
    )
    Monitor.objects.filter(id=classifier.id).update(
        performance_limits={"accuracy": {"minimum": 0.5}}
    )
    run = run_week(classifier, 2)
    assert details(run, "performance")["accuracy"]["verdict"] == "ok"
    assert "estimated_performance: Every score must be a probability" in run.reason


def test_settle_run__drift_of_accuracy_and_then_no_labels__keeps_the_alert(
    classifier: Monitor, flights: Path
) -> None:
    run_week(
        classifier,
        2,
        window_start=TIMESTAMPS[1],
        window_end=TIMESTAMPS[2],
        scheduled_for=TIMESTAMPS[2],
    )
    pq.write_table(classified(3).slice(0, 0), flights / "none.parquet")
    run_week(classifier, 3)
    assert Alert.objects.get().status == "open"
    later = TIMESTAMPS[3] + timedelta(days=14)
    week = flights_like(week=1, start=TIMESTAMPS[3] + timedelta(days=7))
    score = pa.array(np.random.default_rng(8).beta(0.4, 0.4, week.num_rows))
    week = week.append_column("score", score).append_column(
        "prediction", pa.array((score.to_numpy() >= 0.5) * 1)
    )
    pq.write_table(
        week.append_column("label", pa.nulls(week.num_rows, pa.int64())), flights / "week4.parquet"
    )
    start = later - timedelta(days=7)
    run = run_week(classifier, 4, window_start=start, window_end=later, scheduled_for=later)
    assert run.verdict == "ok"
    assert Alert.objects.get().status == "open"


def test_execute__several_classes__are_macro_averages(in_tenant: Tenant, flights: Path) -> None:
    def named(week: int) -> pa.Table:
        table = flights_like(week=week, start=TIMESTAMPS[week])
        guess = pc.if_else(pc.equal(table["carrier"], "B"), "A", table["carrier"])
        return table.append_column("prediction", guess).append_column("label", table["carrier"])

    tables = {week: named(week) for week in range(4)}
    limits = {"balanced_accuracy": {"minimum": 0.5}}
    monitor = watch(flights, tables, performance_limits=limits, positive_label="")
    assert details(run_week(monitor, 2), "performance")["balanced_accuracy"][
        "statistic"
    ] == pytest.approx(2 / 3)


def test_execute__column_of_predictions_missing__judges_the_window_and_says_so(
    classifier: Monitor,
) -> None:
    Monitor.objects.filter(id=classifier.id).update(prediction_column="guess")
    run = run_week(classifier, 2)
    assert run.status == "succeeded"
    assert "Performance was not measured: The data have no column 'guess'." in run.reason


@pytest.mark.parametrize(
    "limits",
    [
        {"beauty": {"minimum": 1}}, {"accuracy": 0.9}, {"accuracy": {}}, {"accuracy": {"minimum": "high"}},
        {"accuracy": {"minimum": 0.5, "relative": 0.1}}, {"mae": {"relative": -1}}, {"mae": {"least": 1}},
        {"accuracy": {"minimum": True}},
    ],
)  # fmt: skip
def test_patch_monitor__wrong_limits__are_refused(
    api: Any, tenant: Tenant, flights: Path, limits: Any
) -> None:
    from drift_detector.tenancy.scope import tenant_scope

    with tenant_scope(tenant.id):
        monitor = make_flights_monitor(flights)
    answer = api.patch(
        f"/api/v1/monitors/{monitor.id}", {"performance_limits": limits}, format="json"
    )
    assert answer.status_code == 400


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def replace_week(flights: Path, week: int, **columns: Any) -> pa.Table:
    """Week 2 with other columns, on disk."""
    table = classified(week)
    for name, values in columns.items():
        table = with_column(table, name, values)
    pq.write_table(table, flights / f"week{week}.parquet")
    return table


def send(monitor: Monitor, *outcomes: dict[str, Any], batch_id: str = "a") -> None:
    inside = (TIMESTAMPS[2] + timedelta(days=1)).isoformat()
    rows = rows_from_json([{"occurred_at": inside} | outcome for outcome in outcomes])
    accept_outcomes(monitor=monitor, stream="default", batch_id=batch_id, rows=rows)


def test_execute__one_score_out_of_range__costs_the_metrics_of_scores_alone(
    classifier: Monitor, flights: Path
) -> None:
    score = classified(2)["score"].to_numpy().copy()
    score[0] = 1.0000001
    table = replace_week(flights, 2, score=score)
    run = run_week(classifier, 2)
    found = details(run, "performance")
    assert found["accuracy"]["statistic"] == accuracy_score(table["label"], table["prediction"])
    assert (run.status, run.verdict) == ("succeeded", "error")
    assert (found["roc_auc"]["verdict"], found["roc_auc"]["statistic"]) == ("error", None)
    assert "1.0000001" in found["roc_auc"]["reason"]
    assert "roc_auc: Every score must be a probability" in run.reason


def test_execute__stored_outcomes_with_a_score_out_of_range__are_measured(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.95}, "roc_auc": {"minimum": 0.5}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    send(monitor, *({"prediction": 1, "label": n % 4 > 0, "score": 0.7} for n in range(400)))
    batch = OutcomeBatch.objects.get()  # as an older version took it
    table = table_from_bytes(bytes(batch.content or b""))
    batch.content = table_to_bytes(with_column(table, "score", [1.5] + [0.7] * 399))
    batch.save()
    run = run_week(monitor, 2)
    found = details(run, "performance")
    assert (found["accuracy"]["statistic"], found["accuracy"]["verdict"]) == (0.75, "drift")
    assert (run.verdict, found["roc_auc"]["verdict"]) == ("drift", "error")


def watch_as_text(flights: Path, role: str, suffix: str) -> Monitor:
    """A classifier of which one column is text in each week."""
    tables = {week: classified(week) for week in range(4)}
    for week, table in tables.items():
        texts = [f"{value}{suffix}" for value in table[role].to_pylist()]
        tables[week] = with_column(table, role, texts)
    return watch(
        flights, tables, score_column="score", performance_limits=LIMITS, concept_methods=["adwin"]
    )


def test_execute__scores_as_text__are_an_error_of_their_metrics(
    in_tenant: Tenant, flights: Path
) -> None:
    monitor = watch_as_text(flights, "score", "")
    Monitor.objects.filter(id=monitor.id).update(
        performance_limits={"accuracy": {"minimum": 0.7}, "roc_auc": {"minimum": 0.6}}
    )
    run = run_week(monitor, 3)
    found = details(run, "performance")
    expected = accuracy_score(classified(3)["label"], classified(3)["prediction"])
    assert (run.verdict, found["accuracy"]["verdict"]) == ("drift", "drift")
    assert found["accuracy"]["statistic"] == expected
    assert (found["roc_auc"]["verdict"], found["roc_auc"]["reason"]) == (
        "error",
        "score must hold numbers, not string.",
    )


@pytest.mark.parametrize("role", ["label", "prediction"])
def test_execute__text_beside_numbers__is_read_by_value(
    in_tenant: Tenant, flights: Path, role: str
) -> None:
    table, monitor = classified(2), watch_as_text(flights, role, ".0")
    run = run_week(monitor, 2)
    found = details(run, "performance")["accuracy"]
    expected = accuracy_score(table["label"], table["prediction"])
    assert (run.verdict, found["statistic"]) == ("ok", expected)
    assert OutcomeStream.objects.get().sequence == table.num_rows


def test_execute__text_that_is_no_number__is_an_error_that_says_so(
    in_tenant: Tenant, flights: Path
) -> None:
    run = run_week(watch_as_text(flights, "label", " of 1"), 2)
    found = details(run, "performance")
    assert (run.verdict, {each["verdict"] for each in found.values()}) == ("error", {"error"})
    assert "label holds text that is no number, such as '0 of 1'" in run.reason


def named(week: int, *, seed: int = 0) -> pa.Table:
    """Labels and predictions of two classes of which none is called 1."""
    table = flights_like(week=week, start=TIMESTAMPS[week])
    random = np.random.default_rng(seed + week)
    truth = random.random(table.num_rows) < 0.2
    guess = np.where(random.random(table.num_rows) < 0.85, truth, ~truth)
    words = {"label": truth, "prediction": guess}
    for name, column in words.items():
        table = table.append_column(name, pa.array(np.where(column, "yes", "no")))
    return table


@pytest.mark.parametrize("positive", ["1", "Yes", "yes "])
def test_execute__positive_label_of_no_row__is_an_error_that_names_the_labels(
    in_tenant: Tenant, flights: Path, positive: str
) -> None:
    limits = {metric: {"minimum": 0.01} for metric in ("f1", "precision", "recall", "accuracy")}
    tables = {week: named(week) for week in range(4)}
    monitor = watch(flights, tables, performance_limits=limits, positive_label=positive)
    run = run_week(monitor, 2)
    found = details(run, "performance")
    assert run.verdict == "error"
    assert found["accuracy"]["verdict"] == "ok"
    for metric in ("f1", "precision", "recall"):
        assert (found[metric]["verdict"], found[metric]["statistic"]) == ("error", None)
    assert repr(positive) in run.reason
    assert "'yes'" in run.reason
    assert "'no'" in run.reason


def test_execute__positive_label_of_some_rows__is_that_class_alone(
    in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: named(week) for week in range(4)}
    monitor = watch(
        flights, tables, performance_limits={"f1": {"minimum": 0.01}}, positive_label="yes"
    )
    found = details(run_week(monitor, 2), "performance")["f1"]
    expected = f1_score(
        tables[2]["label"].to_pylist(), tables[2]["prediction"].to_pylist(), pos_label="yes"
    )
    assert found["statistic"] == pytest.approx(expected)


def large(values: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    return pa.array([2**60 + value for value in values.to_pylist()]).cast(kind)


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint64(), pa.decimal128(20, 0), pa.decimal128(38, 2), pa.string()]
)
def test_execute__classes_beyond_floats_in_the_data__are_told_apart(
    in_tenant: Tenant, flights: Path, kind: pa.DataType
) -> None:
    def enlarged(week: int) -> pa.Table:
        table = classified(week)
        return with_column(
            with_column(table, "label", large(table["label"], pa.int64())),
            "prediction",
            large(table["prediction"], kind),
        )

    limits = {"accuracy": {"minimum": 0.1}}
    monitor = watch(
        flights,
        {week: enlarged(week) for week in range(4)},
        performance_limits=limits,
        concept_methods=["adwin"],
    )
    run, plain = run_week(monitor, 2), classified(2)
    right = accuracy_score(plain["label"], plain["prediction"])
    assert details(run, "performance")["accuracy"]["statistic"] == pytest.approx(right)
    state = DetectorState.objects.get().state
    assert state["total"] == pytest.approx((1 - right) * plain.num_rows)


def test_execute__limit_whose_metric_has_no_labels_or_estimate__is_not_ok(
    classifier: Monitor, flights: Path
) -> None:
    Monitor.objects.filter(id=classifier.id).update(score_column="")
    pq.write_table(classified(2, labels=False), flights / "week2.parquet")
    run = run_week(classifier, 2)
    found = details(run, "performance")
    assert {name: each["verdict"] for name, each in found.items()} == dict.fromkeys(
        ("accuracy", "roc_auc"), "insufficient_data"
    )
    assert run.verdict == "insufficient_data"
    assert "roc_auc, accuracy: No prediction of the window has a label." in run.reason


def test_execute__labels_that_are_still_to_come__leave_the_window_ok(
    classifier: Monitor, flights: Path
) -> None:
    delay = timezone.now() - TIMESTAMPS[3] + timedelta(hours=1)
    Monitor.objects.filter(id=classifier.id).update(score_column="", label_delay=delay)
    pq.write_table(classified(2, labels=False), flights / "week2.parquet")
    assert run_week(classifier, 2).verdict == "ok"


def test_execute__no_outcomes_were_sent__is_insufficient_data(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.9}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    run = run_week(monitor, 2)
    assert run.verdict == "insufficient_data"
    assert run.reason == "Performance was not measured: No outcomes were sent for this window."
    assert details(run, "performance")["accuracy"]["verdict"] == "insufficient_data"


def test_execute__outcomes_without_scores__are_an_error_of_the_metrics_of_scores(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.1}, "roc_auc": {"minimum": 0.1}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    send(monitor, *({"prediction": 1, "label": n % 4 > 0} for n in range(400)))
    run = run_week(monitor, 2)
    assert (run.verdict, details(run, "performance")["accuracy"]["verdict"]) == ("error", "ok")
    assert "roc_auc: There are no scores." in run.reason


def test_execute__few_labels__are_insufficient_data_of_the_run(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.1}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    send(monitor, *({"prediction": 1, "label": 1} for _ in range(5)))
    run = run_week(monitor, 2)
    assert run.verdict == "insufficient_data"
    assert "accuracy: Accuracy was measured on 5 rows, but a verdict takes" in run.reason


def test_execute__text_and_numbers_in_two_batches__are_an_error_in_our_words(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.1}}
    monitor = make_flights_monitor(flights, feature_columns=["distance"], performance_limits=limits)
    send(monitor, *({"prediction": "1", "label": "1"} for _ in range(60)))
    send(monitor, *({"prediction": 1, "label": 1} for _ in range(60)), batch_id="b")
    run = run_week(monitor, 2)
    assert run.verdict == "error"
    assert "text in some batches and numbers in others" in run.reason


def test_execute__reference_with_a_score_out_of_range__keeps_its_other_metrics(
    in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: classified(week) for week in range(4)}
    score = tables[0]["score"].to_numpy().copy()
    score[5] = -0.5
    tables[0] = with_column(tables[0], "score", score)
    monitor = watch(flights, tables, score_column="score", performance_limits=LIMITS)
    run = run_week(monitor, 2)
    assert (run.verdict, details(run, "performance")["accuracy"]["verdict"]) == ("ok", "ok")
