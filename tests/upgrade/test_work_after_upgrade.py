"""What an upgraded database goes on to do. These tests change it, so they have one of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from algorithms.baseline import Baseline as FrozenBaseline
from tasks.reconciler import purge_old
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import steps
from tests.drift_detector.events.test_relay import Noting
from tests.factories import rows_of
from tests.upgrade.conftest import migrate, old_database
from tests.upgrade.test_upgrade import (
    EVER,
    REFERRED,
    Facts,
    are_close,
    column_of,
    get,
    judge_again,
    judged,
    measures_of,
    post,
    work,
)

pytestmark = pytest.mark.usefixtures("upgraded")


def test_judging__old_baselines__measure_the_same_as_before(facts: Facts) -> None:
    compared = 0
    for tenant, run in runs_over_weeks(facts):
        old, again = measures_of(tenant, run), judge_again(tenant, run)
        new = measures_of(tenant, again)
        assert (again["rows"], again["baseline_id"]) == (run["rows"], run["baseline_id"])
        assert [name for name in old if not are_close(old[name], new[name])] == []
        compared += len(old)
    assert compared > 500


def runs_over_weeks(facts: Facts) -> Iterator[tuple[Facts, Facts]]:
    for tenant in facts["tenants"]:
        for run in tenant["runs"]:
            if run["trigger"] == "backfill":
                yield tenant, run


def test_judging__old_baseline_of_csv_in_a_stream__measures_the_same(
    facts: Facts, override: Callable[..., None]
) -> None:
    override(data={"stream_bytes": 1})
    rival = facts["tenants"][1]
    codes = next(each["id"] for each in rival["monitors"] if each["name"] == "Codes")
    run = next(each for each in rival["runs"] if each["monitor_id"] == codes)
    old, new = measures_of(rival, run), measures_of(rival, judge_again(rival, run))
    assert [name for name in old if not are_close(old[name], new[name])] == []


def test_judging__rows_sent_to_an_old_baseline__measure_the_same(facts: Facts) -> None:
    rival = facts["tenants"][1]
    (run,) = (each for each in rival["runs"] if each["id"] == rival["inline"]["run_id"])
    body = {"current_data": rival["inline"]["columns"]}
    again = judged(rival, post(rival, f"monitors/{run['monitor_id']}/run", body))
    old, new = measures_of(rival, run), measures_of(rival, again)
    assert [name for name in old if not are_close(old[name], new[name])] == []
    assert sum(measures != (None, None, None) for measures in old.values()) > 20


def test_judging__run_that_waited_for_a_worker__is_judged(acme: Facts) -> None:
    (run,) = (each for each in acme["runs"] if each["window_start"].startswith("2024-01-01"))
    work(acme, "detections.execute_run", run_id=run["id"])
    found = get(acme, f"runs/{run['id']}")
    assert (found["status"], found["verdict"], found["rows"]) == ("succeeded", "ok", 300)


def test_backtest__that_waited_for_a_worker__is_judged(acme: Facts) -> None:
    (waiting,) = (each for each in acme["backtests"] if each["status"] == "running")
    work(acme, "detections.build_backtest", backtest_id=waiting["id"])
    assert get(acme, f"backtests/{waiting['id']}")["status"] == "ready"


def test_baseline__that_waited_for_a_worker__is_built_with_a_contract(acme: Facts) -> None:
    (waiting,) = get(acme, f"monitors/{acme['waiting']}/baselines")["results"]
    work(acme, "monitors.build_baseline", baseline_id=waiting["id"])
    query = "SELECT content FROM drf_baselines WHERE id = %s AND status = 'ready'"
    ((content,),) = rows_of(UUID(acme["id"]), query, waiting["id"])
    features = FrozenBaseline.from_bytes(bytes(content)).features
    assert all(feature.value_type is not None for feature in features.values())


def test_outcomes__batch_from_before_again__counts_once(acme: Facts) -> None:
    monitor = next(m for m in acme["monitors"] if m["name"] == "Flights, outcomes sent")
    before = get(acme, f"monitors/{monitor['id']}/detectors")
    path = f"monitors/{monitor['id']}/outcomes?batch_id=first"
    rows = [{"prediction": 1, "label": 1 - error} for error in [0, 0, 0, 0, 1] * 120]
    post(acme, path, {"outcomes": rows})
    assert get(acme, f"monitors/{monitor['id']}/detectors") == before


def test_outcomes__label_of_a_prediction_from_before__joins_it(acme: Facts) -> None:
    monitor = next(m for m in acme["monitors"] if m["name"] == "Flights, outcomes sent")
    before = acme["detectors"][monitor["id"]]
    label = {"prediction_id": "p-1", "occurred_at": "2024-01-01T00:00:00Z", "label": 1}
    post(acme, f"monitors/{monitor['id']}/outcomes?batch_id=label", {"outcomes": [label]})
    found = get(acme, f"monitors/{monitor['id']}/detectors")
    assert [each["observations"] for each in found] == [each["observations"] + 1 for each in before]


def test_relay__events_from_before__are_published_once(facts: Facts) -> None:
    query = "SELECT event_id FROM drf_outbox WHERE published_at IS NULL"
    waiting = {tenant["id"]: column_of(tenant, query) for tenant in facts["tenants"]}
    sent = Noting()
    steps(3, lambda: sent)
    assert sorted(sent.sent) == sorted(set().union(*waiting.values()))
    assert [column_of(tenant, query) for tenant in facts["tenants"]] == [set(), set()]


def test_purge__runs_past_their_retention__leaves_alerts_and_their_runs(
    facts: Facts, override: Callable[..., None], worker_id: str, old_data: Path
) -> None:
    override(runs={"retention_days": EVER})
    with old_database(f"purged_{worker_id}", old_data) as owner:  # the others need the runs
        migrate(owner)
        with connected_as(role_url("scheduler")):
            purge_old()
        for tenant in facts["tenants"]:
            alerts = get(tenant, "alerts?page_size=200")["results"]
            assert {alert["id"] for alert in alerts} == {alert["id"] for alert in tenant["alerts"]}
            left = column_of(tenant, "SELECT id FROM drf_runs WHERE status = 'succeeded'")
            assert left == {alert[name] for alert in alerts for name in REFERRED}
