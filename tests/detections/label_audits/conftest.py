from pathlib import Path

import pytest

from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.detections.label_audits.drawn_audits import LIMITS, MONITOR_ID, with_ids
from tests.detections.prediction_tables import classified, watch


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    """Labels of the third week have not come."""
    tables = {week: with_ids(classified(week, labels=week != 2)) for week in range(4)}
    return watch(flights, tables, id=MONITOR_ID, score_column="score", performance_limits=LIMITS)
