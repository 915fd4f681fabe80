"""The limit and the verdict before and after there is an interval, and draws that could never have one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from detections.models import LabelAudit
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.detections.label_audits.drawn_audits import (
    LIMITS,
    MONITOR_ID,
    WEEK_2,
    classifier,
    draw,
    priced,
    regressor,
    rows_of,
    send,
    url,
    with_column,
)
from tests.detections.prediction_tables import watch


def verdict(metric: dict[str, Any]) -> tuple[float, str]:
    return metric["limit"], metric["verdict"]


def shorten(flights: Path, rows: int) -> None:
    """Week 2 keeps its first rows alone."""
    pq.write_table(priced(2).slice(0, rows), flights / "week2.parquet")


def test_limit__before_a_label__is_shown_and_not_judged(api: APIClient, monitor: Monitor) -> None:
    [accuracy] = draw(api, monitor)["metrics"]
    assert verdict(accuracy) == (0.7, "insufficient_data")


def test_limit__of_errors_before_there_is_an_interval__is_shown_and_not_judged(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, regressor(flights))
    mae, rmse = send(api, audit, [1.0] * 99).json()["metrics"]
    assert verdict(mae) == (9.0, "insufficient_data")
    assert (mae["lower"], "100 labelled rows" in mae["reason"]) == (None, True)
    assert (rmse["limit"], rmse["verdict"]) == (None, None)


def test_limit__relative_to_the_reference__is_its_value_from_the_start(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    monitor = regressor(flights, performance_limits={"mae": {"relative": 0.5}})
    [mae, _] = draw(api, monitor)["metrics"]
    assert mae["limit"] == pytest.approx(1.5 * mae["reference"])
    LabelAudit.objects.update(reference={})
    audit = LabelAudit.objects.get()
    [mae, _] = api.get(f"/api/v1/label-audits/{audit.id}").json()["metrics"]
    assert (mae["limit"], mae["verdict"]) == (None, None)


@pytest.mark.parametrize("rows", [1, 50, 99])
def test_draw__errors_of_few_rows_of_many__is_refused_as_no_interval_can_come(
    api: APIClient, in_tenant: Tenant, flights: Path, rows: int
) -> None:
    answer = api.post(url(regressor(flights)), {"window": WEEK_2, "rows": rows})
    assert answer.status_code == 400
    assert "rows must be 100 or more" in answer.json()["errors"][0]["reason"]
    assert not LabelAudit.objects.exists()


def test_draw__errors_of_all_rows_of_a_small_window__end_exactly(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    monitor = regressor(flights)
    shorten(flights, 40)
    audit = draw(api, monitor, rows=50)
    shown = [row["prediction"] for row in rows_of(api, audit)]
    mae, _ = send(api, audit, [each + 3 for each in shown]).json()["metrics"]
    assert mae["lower"] == mae["upper"] == pytest.approx(3)
    assert verdict(mae) == (9.0, "ok")


@pytest.mark.parametrize("make", [classifier, regressor])
def test_draw__half_width_of_a_window_of_one_row__is_that_row(
    api: APIClient, in_tenant: Tenant, flights: Path, make: Any
) -> None:
    monitor = make(flights)
    first = min(priced(2)["departs_at"].to_pylist())
    window = {"start": first.isoformat(), "end": (first + timedelta(microseconds=1)).isoformat()}
    answer = api.post(url(monitor), {"window": window, "half_width": 0.001})
    assert answer.status_code == 201, answer.content
    assert (answer.json()["population"], answer.json()["rows"]) == (1, 1)


@pytest.mark.parametrize("limits", [{}, {"roc_auc": {"minimum": 0.5}}])
def test_draw__fractions_of_a_monitor_that_measures_no_errors__are_no_classes(
    api: APIClient, in_tenant: Tenant, flights: Path, limits: dict[str, Any]
) -> None:
    tables = {week: priced(week) for week in range(4)}
    monitor = watch(flights, tables, id=MONITOR_ID, performance_limits=limits)
    answer = api.post(url(monitor), {"window": WEEK_2, "rows": 50})
    assert answer.status_code == 409
    assert "error_scale" in answer.json()["detail"]
    assert not LabelAudit.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"performance_limits": LIMITS}, {"error_scale": 3.0}])
def test_draw__floats_that_are_whole_or_named_classes_or_measured__are_audited(
    api: APIClient, in_tenant: Tenant, flights: Path, fields: dict[str, Any]
) -> None:
    def stars(table: pa.Table) -> pa.Table:
        step = 0.5 if fields else 1.0
        return with_column(table, "prediction", [step * (row % 4) for row in range(table.num_rows)])

    audit = draw(api, classifier(flights, stars, **{"performance_limits": {}} | fields))
    assert audit["kind"] == ("regression" if "error_scale" in fields else "classification")
