"""No one gets another draw or another label of the same rows, by another window, another number or another request."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient
from scipy import stats

from detections.label_audits.row_drawing import draw_rows
from detections.models import GivenLabel, LabelAudit
from drift_detector.tenancy.models import Tenant
from monitors.baselines.cache import frozen_baselines
from monitors.models import Monitor
from monitors.monitor_windows import current_window
from monitors.selectors import get_current_baseline, get_source_policy
from tests.data import TIMESTAMPS
from tests.detections.label_audits.drawn_audits import (
    WEEK_2,
    classifier,
    draw,
    of,
    regressor,
    rows_of,
    send,
    url,
    with_ids,
)
from tests.factories import WEEK

START, END = TIMESTAMPS[2], TIMESTAMPS[2] + WEEK


def window(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def flights_of(api: APIClient, audit: dict[str, Any]) -> list[str]:
    return [row["values"]["flight"] for row in rows_of(api, audit)]


def test_draw__same_request_or_fewer_rows__answers_with_the_audit_that_is_there(
    api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    for asked in ({"rows": 100}, {"rows": 30}, {"half_width": 0.4}):
        again = api.post(url(monitor), {"window": WEEK_2} | asked)
        assert (again.status_code, again.json()["id"]) == (200, audit["id"])
    assert LabelAudit.objects.count() == 1


def test_draw__more_rows__begin_with_those_drawn_and_have_their_labels(
    api: APIClient, monitor: Monitor
) -> None:
    few = draw(api, monitor, rows=10)
    found = send(api, few, [0, 1, 1, 0]).json()
    more = draw(api, monitor, rows=100)
    assert rows_of(api, more)[:10] == rows_of(api, few)
    assert (more["labelled"], more["counted"]) == (4, 4)
    assert more["metrics"] == found["metrics"]  # the plan of before goes on


def test_plans__ten_then_thirty_then_a_hundred_rows__are_one_sequence_of_intervals(
    api: APIClient, monitor: Monitor
) -> None:
    for rows in (10, 30, 100):
        audit = draw(api, monitor, rows=rows)
        shown = [row["prediction"] for row in rows_of(api, audit)]
        last = send(api, audit, shown).json()
    assert LabelAudit.objects.get(id=audit["id"]).plans == [10, 30, 100]
    for known in LabelAudit.objects.all():
        measured = api.get(f"/api/v1/label-audits/{known.id}").json()
        assert (measured["labelled"], measured["status"]) == (known.rows, "complete")
    assert last["metrics"][0]["lower"] > 0.8


def test_draw__other_columns__is_another_audit_of_the_same_rows_and_plan(
    api: APIClient, monitor: Monitor
) -> None:
    plain = draw(api, monitor, rows=20)
    send(api, plain, [1])
    shown = draw(api, monitor, rows=10, columns=["flight"])
    assert shown["id"] != plain["id"]
    assert shown["labelled"] == 1
    assert LabelAudit.objects.get(id=shown["id"]).plans == [20]


@pytest.mark.parametrize("step", [timedelta(microseconds=1), timedelta(seconds=30)])
def test_draw__window_moved_without_a_row__is_the_same_audit(
    api: APIClient, monitor: Monitor, step: timedelta
) -> None:
    audit = draw(api, monitor)
    for moved in (window(START - step, END), window(START, END + step)):
        again = api.post(url(monitor), {"window": moved, "rows": 100})
        assert (again.status_code, again.json()["id"]) == (200, audit["id"])


def test_draw__windows_that_overlap__agree_on_the_order_of_their_rows(
    api: APIClient, monitor: Monitor
) -> None:
    whole = flights_of(api, draw(api, monitor, rows=1000, columns=["flight"]))
    day = window(START + timedelta(days=2), START + timedelta(days=5))
    part = flights_of(api, draw(api, monitor, rows=1000, columns=["flight"], window=day))
    assert 200 < len(set(part) & set(whole)) < len(part)
    places = {flight: place for place, flight in enumerate(part)}
    common = [places[flight] for flight in whole if flight in places]
    assert common == list(range(len(common)))


def test_labels__of_windows_that_overlap__are_given_once_to_each_row(
    api: APIClient, monitor: Monitor
) -> None:
    shifted = window(START + timedelta(hours=6), END + timedelta(hours=6))
    one = draw(api, monitor, columns=["flight"])
    other = draw(api, monitor, columns=["flight"], window=shifted)
    firsts = dict(zip(flights_of(api, one), range(1, 101), strict=True))
    common = {
        row: firsts[name] for row, name in enumerate(flights_of(api, other), 1) if name in firsts
    }
    assert len(common) > 50
    send(api, one, [1] * 100)
    labels = {row["row"]: row["label"] for row in rows_of(api, other)}
    assert {row for row, label in labels.items() if label is not None} == set(common)
    row = min(common)
    assert send(api, other, [0], first=row).status_code == 409
    later = draw(api, monitor, columns=["flight"], window=window(START + timedelta(hours=3), END))
    assert later["labelled"] > 50
    assert {label.label for label in GivenLabel.objects.all()} == {1}


def test_labels__of_another_monitor_of_the_same_data__are_its_own(
    api: APIClient, in_tenant: Tenant, flights: Path, tmp_path: Path
) -> None:
    one = draw(api, classifier(flights, with_ids), columns=["flight"])
    second = classifier(flights, with_ids, id="11111111-2f4b-4a53-8f0e-3f2b1a9d7c55", name="other")
    other = draw(api, second, columns=["flight"])
    assert flights_of(api, one) != flights_of(api, other)
    send(api, one, [1] * 100)
    assert api.get(of(other)).json()["labelled"] == 0


def test_labels__data_without_times__are_shared_while_the_rows_stay(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    """Where rows have no time, others may stand in the same places one day."""
    monitor = classifier(flights, with_ids, timestamp_column="")
    send(api, draw(api, monitor, rows=20), [1] * 20)
    elsewhere = window(START - 5 * WEEK, START - 4 * WEEK)
    assert draw(api, monitor, rows=30, window=elsewhere)["labelled"] == 20
    for file in flights.iterdir():
        table = pq.read_table(file)
        pq.write_table(table.take(list(range(table.num_rows - 1, -1, -1))), file)
    assert draw(api, monitor, rows=40)["labelled"] == 0


def test_regression__extended__keeps_the_first_plan(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    monitor = regressor(flights)
    few = draw(api, monitor, rows=100)
    before = send(api, few, [1.0] * 100).json()["metrics"]
    assert draw(api, monitor, rows=300)["metrics"] == before


def test_draw__many_seeds__each_half_of_the_window_is_drawn_as_often(
    in_tenant: Tenant, monitor: Monitor
) -> None:
    baseline = get_current_baseline(monitor.id)
    assert baseline is not None
    spec = current_window(monitor, get_source_policy(), (START, END))
    frozen, places = frozen_baselines.get(baseline), list[int]()
    for seed in range(40):
        drawn = draw_rows(
            monitor, spec, frozen, ["flight"], types={}, is_measured=False, most=50, seed=seed
        )
        names = drawn.table["feature:flight"].to_pylist()
        places += [int(name[1:]) for name in names]
    assert stats.kstest(places, stats.uniform(0, drawn.population).cdf).pvalue > 1e-3
