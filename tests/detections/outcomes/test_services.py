"""Several writers at once, and what a detector's signal does to alerts."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from alerts.models import Alert
from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from detections.models import DetectionRun, DetectorState, OutcomeBatch
from detections.outcomes.ingest import Accepted
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from detections.outcomes.signals import cohens_h
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.sources import table_from_bytes
from tests.factories import at_once, make_finished_run, make_monitor


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Churn", concept_methods=["adwin"])


def send(monitor: Monitor, *rates: float, each: int = 1000, seed: int = 0) -> Accepted:
    random = np.random.default_rng(seed)
    errors = [{"error": int(value)} for rate in rates for value in random.random(each) < rate]
    return accept_outcomes(
        monitor=monitor, stream="default", batch_id=f"{rates}-{seed}", rows=rows_from_json(errors)
    )


def test_accept_outcomes__from_eight_connections_at_once__is_as_from_one(
    committed_tenant: Tenant,
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(concept_methods=list(ConceptMethod))

    def send_some(worker: int) -> None:
        for batch in range(5):
            with tenant_scope(committed_tenant.id):
                send(monitor, 0.1 + 0.1 * (worker % 3), each=50, seed=10 * worker + batch)

    at_once(*(partial(send_some, worker) for worker in range(8)))
    with tenant_scope(committed_tenant.id):
        batches = OutcomeBatch.objects.order_by("first_sequence")
        tables = [table_from_bytes(bytes(batch.content or b"")) for batch in batches]
        in_order = [error for table in tables for error in table["error"].to_pylist()]
        assert [batch.first_sequence for batch in batches] == list(range(1, 2001, 50))
        for state in DetectorState.objects.all():
            unbroken = new_detector(ConceptMethod(state.method))
            unbroken.update_many(in_order)
            assert state.state == unbroken.as_json()


def test_accept_outcomes__small_rise__is_recorded_and_tells_nobody(
    monitor: Monitor, override: Any
) -> None:
    override(effect_tolerance_concept=1.0)
    assert send(monitor, 0.1, 0.4).signals
    run = DetectionRun.objects.filter(trigger="outcomes").first()
    assert run is not None
    assert run.verdict == "ok"
    assert not Alert.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_accept_outcomes__fall__is_drift_but_no_alert(monitor: Monitor) -> None:
    send(monitor, 0.5, 0.05)
    assert DetectionRun.objects.filter(
        trigger="outcomes", verdict="drift", reason__contains="fell"
    ).exists()
    assert not Alert.objects.exists()
    assert list(OutboxEvent.objects.values_list("topic", flat=True)) == ["drift.detected"]


def test_accept_outcomes__worse_again__is_one_episode(monitor: Monitor) -> None:
    send(monitor, 0.05, 0.2, 0.5)
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.occurrences > 1) == ("concept", "critical", True)
    assert alert.summary.startswith("Churn: The error rate rose from ")


def test_accept_outcomes__fall_to_less_than_worst_only__keeps_the_episode_open(
    monitor: Monitor,
) -> None:
    send(monitor, 0.05, 0.6, 0.3, each=2000)
    assert Alert.objects.get().status == "open"


def test_accept_outcomes__fall_in_another_stream__keeps_the_episode_open(monitor: Monitor) -> None:
    send(monitor, 0.1, 0.6)
    rows = rows_from_json({"error": [1, 0] * 500 + [0] * 2000})
    assert (
        accept_outcomes(monitor=monitor, stream="other", batch_id="x", rows=rows).signals[-1].after
        < 0.1
    )
    assert Alert.objects.get().status == "open"


def test_settle_signal__a_statistical_run_that_is_ok__leaves_the_episode_open(
    monitor: Monitor,
) -> None:
    send(monitor, 0.1, 0.6)
    make_finished_run(monitor, "ok")
    send(monitor, 0.6, each=100, seed=5)
    assert Alert.objects.get(kind="concept").status == "open"


def test_accept_outcomes__no_detectors_wanted__still_counts(in_tenant: Tenant) -> None:
    monitor = make_monitor(concept_methods=[])
    assert send(monitor, 0.1).last_sequence == 1000
    assert not DetectorState.objects.exists()


@pytest.mark.parametrize(
    ("before", "after", "h"), [(0.5, 0.5, 0.0), (0.0, 1.0, np.pi), (0.25, 0.75, np.pi / 3)]
)
def test_cohens_h__known_values(before: float, after: float, h: float) -> None:
    assert cohens_h(before, after) == pytest.approx(h)
