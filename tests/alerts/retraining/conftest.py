"""A classifier whose labels turn random in week 3, so that retraining is asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from alerts.models import RetrainingRequest
from drift_detector.tenancy.models import Role, Tenant
from monitors.baselines.builds import build_baseline
from monitors.models import Baseline, Monitor
from tests.conftest import client_of
from tests.data import TIMESTAMPS
from tests.detections.prediction_tables import run_week, watch
from tests.factories import WEEK

ROWS = 2000
BROKEN = 3
type Write = Callable[..., None]


def week_start(week: int) -> str:
    return (TIMESTAMPS[0] + week * WEEK).isoformat()


def predictions(
    week: int, *, is_good: bool, has_labels: bool = True, has_score: bool = True
) -> pa.Table:
    """One week of predictions; labels follow the scores of a good model, and are a coin's of a bad one."""
    random = np.random.default_rng(100 + week)
    start, seconds = TIMESTAMPS[0] + week * WEEK, np.sort(random.integers(0, 7 * 86400, ROWS))
    score = random.beta(0.4, 0.4, ROWS)
    label = (random.random(ROWS) < (score if is_good else 0.5)).astype(np.int64)
    micros = np.datetime64(start.replace(tzinfo=None), "us") + seconds.astype("timedelta64[s]")
    return pa.table(
        {
            "departs_at": pa.array(micros, pa.timestamp("us", "UTC")),
            "distance": random.integers(100, 3000, ROWS),
            "score": pa.array(score, mask=np.full(ROWS, not has_score)),
            "prediction": pa.array((score >= 0.5) * 1),
            "label": pa.array(label, mask=np.full(ROWS, not has_labels)),
        }
    )


@pytest.fixture
def write(flights: Path) -> Write:
    """Put a week's predictions where the monitor reads: `write(4, is_good=True)`."""

    def write_week(week: int, **options: bool) -> None:
        pq.write_table(predictions(week, **options), flights / f"week{week}.parquet")

    return write_week


@pytest.fixture
def classifier(in_tenant: Tenant, flights: Path, write: Write) -> Monitor:
    tables = {week: predictions(week, is_good=week != BROKEN) for week in range(4)}
    return watch(
        flights,
        tables,
        name="Late arrivals",
        score_column="score",
        performance_limits={"accuracy": {"relative": 0.05}},
    )


@pytest.fixture
def request_of(classifier: Monitor) -> RetrainingRequest:
    """The request that the broken week makes."""
    assert run_week(classifier, 2).verdict == "ok"
    run_week(classifier, BROKEN)
    return RetrainingRequest.objects.get()


@pytest.fixture
def admin_api(tenant: Tenant) -> APIClient:
    return client_of(tenant.id, Role.ADMIN)


def build_all() -> None:
    """As a worker does it: build each baseline that waits."""
    for tenant_id, baseline_id in list(
        Baseline.objects.filter(status="building").values_list("tenant_id", "id")
    ):
        build_baseline(tenant_id=tenant_id, baseline_id=baseline_id, worker="w")
