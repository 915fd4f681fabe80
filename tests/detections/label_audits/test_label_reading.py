"""What labels are taken: a run over the same predictions and labels, and scikit-learn, say what is right."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient
from sklearn.metrics import accuracy_score

from detections.label_audits.label_reading import LabelReader, check_predictions
from detections.models import GivenLabel, LabelAudit
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.detections.label_audits.drawn_audits import (
    WEEK_2,
    classifier,
    draw,
    named,
    of,
    priced,
    regressor,
    rows_of,
    send,
    url,
    with_column,
)
from tests.detections.prediction_tables import details, run_week

REFUSED_DRAW = {"window": WEEK_2, "rows": 100}


def reasons(answer: Any) -> str:
    assert answer.status_code == 400, answer.content
    return " ".join(each["reason"] for each in answer.json()["errors"])


@pytest.mark.parametrize("label", [1e200, -1.1e75, 10**400, 1e76])
def test_measure__whose_fourth_power_is_no_float__is_refused(
    api: APIClient, in_tenant: Tenant, flights: Path, label: float
) -> None:
    audit = draw(api, regressor(flights))
    assert "from -1e+75 to 1e+75" in reasons(send(api, audit, [1.0, label]))
    assert not GivenLabel.objects.exists()


def test_measures__as_large_as_they_may_be__have_finite_errors(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, regressor(flights))
    found = send(api, audit, [1e75, -1e75] + [1.0] * 98)
    assert found.status_code == 200
    mae, rmse = found.json()["metrics"]
    assert mae["value"] == pytest.approx(2e73)
    assert rmse["value"] == pytest.approx(1e75 * np.sqrt(0.02))
    assert rmse["upper"] > rmse["value"]


def test_measures__kept_before_they_were_bounded__do_not_stop_the_audit(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, regressor(flights))
    fields = {"tenant": in_tenant, "audit_id": audit["id"], "created_by": "key:test"}
    GivenLabel.objects.create(**fields, row=1, label=1e200)
    found = send(api, audit, [1.0], first=2)
    assert found.status_code == 200
    mae, rmse = found.json()["metrics"]
    assert (mae["value"], rmse["value"]) == (pytest.approx(5e199), None)
    assert "RMSE is not known" in found.json()["summary"]


@pytest.mark.parametrize("prediction", [1e200, float("inf")])
def test_draw__prediction_that_has_no_error__is_refused_with_it(
    api: APIClient, in_tenant: Tenant, flights: Path, prediction: float
) -> None:
    monitor, week = regressor(flights), priced(2)
    values = week["prediction"].to_numpy().copy()
    values[::10] = prediction
    pq.write_table(with_column(week, "prediction", values), flights / "week2.parquet")
    said = reasons(api.post(url(monitor), REFUSED_DRAW))
    assert ("1e+200" if prediction == 1e200 else "finite number") in said
    assert not LabelAudit.objects.exists()


@pytest.mark.parametrize("label", ["", "   ", "yes ", "\tno", "\n", "\u00a0"])
def test_text__blank_or_with_white_space_around__is_refused(
    api: APIClient, in_tenant: Tenant, flights: Path, label: str
) -> None:
    audit = draw(api, classifier(flights, named("no", "yes"), positive_label="yes"))
    assert "must be" in reasons(send(api, audit, ["yes", label]))
    assert not GivenLabel.objects.exists()


def test_text__blank_or_with_white_space__is_taken_where_it_is_a_prediction(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("", "yes "), positive_label="yes "))
    shown = [row["prediction"] for row in rows_of(api, audit)]
    assert set(shown) == {"", "yes "}
    assert send(api, audit, shown).json()["metrics"][0]["value"] == 1


@pytest.mark.parametrize("label", ["Yes", "YES", "ｙｅｓ", " Yes"])
def test_text__that_people_take_for_a_class__is_refused_with_the_class(
    api: APIClient, in_tenant: Tenant, flights: Path, label: str
) -> None:
    audit = draw(api, classifier(flights, named("no", "yes"), positive_label="yes"))
    assert "as 'yes' is" in reasons(send(api, audit, [label]))


def test_text__that_no_prediction_is__is_a_class_and_then_known(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("no", "yes"), positive_label="yes"))
    assert send(api, audit, ["Maybe", "Maybe"]).json()["metrics"][0]["value"] == 0
    assert "as 'Maybe' is" in reasons(send(api, audit, ["maybe"], first=3))
    assert "as 'Perhaps' is" in reasons(send(api, audit, ["Perhaps", "perhaps"], first=3))


def test_text__classes_that_differ_in_case__are_both_taken(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("a", "A"), positive_label="A"))
    shown = [row["prediction"] for row in rows_of(api, audit)]
    assert send(api, audit, shown).json()["metrics"][0]["value"] == 1


@pytest.mark.parametrize("label", [1e17, 2**53 + 1, -1e300, "9007199254740993"])
def test_class__number_that_floats_round__is_refused(
    api: APIClient, monitor: Monitor, label: Any
) -> None:
    assert "2**53" in reasons(send(api, draw(api, monitor), [1, label]))


def test_class__large_float_kept_before__is_a_wrong_prediction(
    api: APIClient, in_tenant: Tenant, monitor: Monitor
) -> None:
    """PostgreSQL gives such a number back as a whole one."""
    audit = draw(api, monitor)
    fields = {"tenant": in_tenant, "audit_id": audit["id"], "created_by": "key:test"}
    GivenLabel.objects.create(**fields, row=2, label=1e23)
    first = rows_of(api, audit)[0]["prediction"]
    assert send(api, audit, [first]).json()["metrics"][0]["value"] == 0.5


@pytest.mark.parametrize("label", [1e16, 1e23, 123456789.123, -0.0, 5e-324, 1e75])
def test_measure__sent_again__is_the_same(
    api: APIClient, in_tenant: Tenant, flights: Path, label: float
) -> None:
    audit = draw(api, regressor(flights))
    for _ in range(2):
        assert send(api, audit, [label]).status_code == 200
    assert GivenLabel.objects.count() == 1
    assert rows_of(api, audit)[0]["label"] == label


@pytest.mark.parametrize("sent", [int, float, str, lambda number: f"{number}.0", bool])
def test_classes__text_that_is_numbers__are_read_as_a_run_reads_them(
    api: APIClient, in_tenant: Tenant, flights: Path, sent: Any
) -> None:
    def written(table: pa.Table) -> pa.Table:
        words = [f"{each}.0" for each in table["prediction"].to_pylist()]
        return with_column(table, "prediction", words)

    monitor = classifier(flights, written)
    run = details(run_week(monitor, 2), "performance")["accuracy"]
    assert run["statistic"] > 0.7  # the run reads them as numbers
    audit = draw(api, monitor)
    shown = [row["prediction"] for row in rows_of(api, audit)]
    labels = [round(each) if row % 4 else 1 - round(each) for row, each in enumerate(shown)]
    found = send(api, audit, [sent(each) for each in labels]).json()["metrics"][0]
    assert found["value"] == accuracy_score(labels, shown) == 0.75


def test_classes__text_of_truths_where_labels_are_booleans__are_truths(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    def written(table: pa.Table) -> pa.Table:
        words = ["true" if each else "false" for each in table["prediction"].to_pylist()]
        labels = [bool(each) for each in table["label"].to_pylist()]
        return with_column(with_column(table, "prediction", words), "label", labels)

    audit = draw(api, classifier(flights, written, positive_label="true"))
    first, second, *_ = (row["prediction"] for row in rows_of(api, audit))
    assert {type(first), type(second)} == {bool}
    found = send(api, audit, [first, str(not second)]).json()
    assert found["metrics"][0]["value"] == 0.5


def test_classes__codes_of_digits_where_labels_are_text__keep_their_zeros(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("007", "7"), positive_label="7"))
    shown = [row["prediction"] for row in rows_of(api, audit)]
    assert set(shown) == {"007", "7"}
    assert send(api, audit, ["7"] * 100).json()["metrics"][0]["value"] == shown.count("7") / 100


def test_measures__text_that_is_numbers__are_measured_as_a_run_does(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    monitor = regressor(
        flights,
        lambda table: with_column(table, "prediction", table["prediction"].cast(pa.string())),
    )
    assert details(run_week(monitor, 2), "performance")["mae"]["statistic"] < 9
    audit = draw(api, monitor)
    shown = [row["prediction"] for row in rows_of(api, audit)]
    mae, _ = send(api, audit, [each + 2 for each in shown]).json()["metrics"]
    assert mae["value"] == pytest.approx(2)


@pytest.mark.parametrize("decimals", [pa.decimal128(12, 2), pa.decimal128(38, 4)])
def test_measures__decimals__are_shown_and_taken_as_numbers(
    api: APIClient, in_tenant: Tenant, flights: Path, decimals: pa.DataType
) -> None:
    def exact(table: pa.Table) -> pa.Table:
        numbers = [Decimal(f"{each - 20:.2f}") for each in table["prediction"].to_pylist()]
        return with_column(table, "prediction", pa.array(numbers, decimals))

    audit = draw(api, regressor(flights, exact))
    shown = [row["prediction"] for row in rows_of(api, audit)]
    assert all(isinstance(each, float) and each == round(each, 2) for each in shown)
    assert min(shown) < 0
    assert "'-" not in api.get(of(audit, "/rows"), {"as": "csv"}).content.decode()
    assert send(api, audit, shown).json()["metrics"][0]["value"] == 0


@pytest.mark.parametrize("decimals", [pa.decimal128(18, 0), pa.decimal128(38, 0)])
def test_classes__whole_decimals__are_shown_and_taken_as_numbers(
    api: APIClient, in_tenant: Tenant, flights: Path, decimals: pa.DataType
) -> None:
    def exact(table: pa.Table) -> pa.Table:
        return with_column(
            table, "prediction", pa.array(map(Decimal, table["prediction"].to_pylist()), decimals)
        )

    audit = draw(api, classifier(flights, exact))
    shown = [row["prediction"] for row in rows_of(api, audit)]
    assert set(shown) == {0, 1}
    assert send(api, audit, shown).json()["metrics"][0]["value"] == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((2**60, 2**60 + 1), "2**53"),
        (("no", "x" * 501), "500 characters"),
        ((-(2**55), 1), "2**53"),
    ],
)
def test_draw__prediction_that_cannot_be_a_label__is_refused(
    api: APIClient, in_tenant: Tenant, flights: Path, names: tuple[Any, Any], said: str
) -> None:
    monitor = classifier(flights, named(*names), positive_label="")
    said_now = reasons(api.post(url(monitor), REFUSED_DRAW))
    assert said in said_now
    assert "No label can be the prediction" in said_now


@pytest.mark.parametrize(
    "predictions",
    [
        pa.array([0.1, 0.30000000000000004, 1 / 3], pa.float32()),
        pa.array([1.5, None, 2.5], pa.float64()).drop_null(),
        pa.array([True, False]),
        pa.array([2**53, -(2**53)]),
        pa.array(["", " a", "A", "a"]),
        pa.array([255], pa.uint8()),
    ],
)
def test_check__predictions_that_labels_can_be__are_fine(predictions: pa.Array) -> None:
    check_predictions("classification", predictions)


@pytest.mark.parametrize("label", [None, [1], {"a": 1}, 7, True])
def test_reader__of_text__takes_text_alone(label: Any) -> None:
    reader = LabelReader.of("classification", pa.array(["a", "b"]))
    with pytest.raises(ValueError, match="be text of at most 500"):
        reader.read(label)


def test_score__of_text_or_times__is_a_number_or_null(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    words = [" 0.5", "high", "1e-3", "nan", None, "-7", "0x10"]
    monitor = classifier(
        flights,
        lambda table: with_column(
            table, "score", [words[row % len(words)] for row in range(table.num_rows)]
        ),
        score_column="score",
    )
    shown = {row["score"] for row in rows_of(api, draw(api, monitor))}
    assert shown == {0.5, None, 0.001, -7.0}
