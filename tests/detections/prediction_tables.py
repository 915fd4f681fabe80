"""Weeks of `flights` with a model's predictions and their labels, and runs over them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from detections.models import Detection, DetectionRun
from detections.runs.execution import execute
from monitors.models import Monitor
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_flights_monitor, make_run


def classified(week: int, *, labels: bool = True) -> pa.Table:
    """Scores that are true probabilities; in week 3 the labels have nothing to do with them."""
    table = flights_like(week=week, start=TIMESTAMPS[week])
    random = np.random.default_rng(100 + week)
    score = random.beta(0.4, 0.4, table.num_rows)
    chance = np.full(table.num_rows, 0.5) if week == 3 else score
    label = (random.random(table.num_rows) < chance).astype(np.int64)
    table = table.append_column("score", pa.array(score)).append_column(
        "prediction", pa.array((score >= 0.5) * 1)
    )
    return table.append_column("label", pa.array(label, mask=np.full(table.num_rows, not labels)))


def watch(flights: Path, tables: dict[int, pa.Table], **fields: Any) -> Monitor:
    for week, table in tables.items():
        pq.write_table(table, flights / f"week{week}.parquet")
    columns: dict[str, Any] = {
        "prediction_column": "prediction",
        "label_column": "label",
        "concept_methods": [],
    }
    return make_flights_monitor(flights, **{"feature_columns": ["distance"]} | columns | fields)


def run_week(monitor: Monitor, week: int, **fields: Any) -> DetectionRun:
    run = make_run(monitor, week=week, **fields)
    execute(tenant_id=monitor.tenant_id, run_id=run.id, worker="w")
    run.refresh_from_db()
    return run


def details(run: DetectionRun, method: str) -> dict[str, dict[str, Any]]:
    detection = Detection.objects.get(run=run, method=method)
    assert detection.detection_type == "performance"
    return {detail["feature"]: detail for detail in detection.details}
