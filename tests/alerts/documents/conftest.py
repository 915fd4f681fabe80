"""Documents of the `flights` folder."""

from pathlib import Path
from typing import Any

import pytest

from tests.data import TIMESTAMPS

MODEL = "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"


def watch(flights: Path, name: str, **fields: Any) -> dict[str, Any]:
    """A monitor of a document: weekly, the first two weeks of `flights` are its reference."""
    return {
        "name": name,
        "reference_data_uri": str(flights),
        "reference_start": TIMESTAMPS[0].isoformat(),
        "reference_end": TIMESTAMPS[2].isoformat(),
        "current_data_uri": str(flights),
        "timestamp_column": "departs_at",
        "window": "P7D",
        "schedule_cron": "0 0 * * 1",
        **fields,
    }


def document_of(*monitors: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"version": 1, "name": "flights", "model_id": MODEL, "monitors": [*monitors], **fields}


@pytest.fixture
def document(flights: Path) -> dict[str, Any]:
    """Two monitors, the second one with settings of many kinds, and a budget."""
    far = watch(
        flights, "Far flights",
        feature_columns=["delay", "distance"], importances={"delay": 2.0}, tolerances={"ks": 0.05},
        slices=[{"name": "far", "where": "distance > 1000"}], null_values=["-", "n/a"],
        open_after={"warning": {"runs": 2, "of": 4}}, window_lag="PT6H", catch_up="all",
        references_in_time=[{"kind": "trailing", "length": "P14D"}], error_scale=2.5, concept_methods=["adwin"],
        status="paused", budget_weight=3, retraining_enabled=False, detector_settings={"adwin": {"delta": 1e-5}},
    )  # fmt: skip
    budget = {"false_alerts_per_month": 3}
    return document_of(watch(flights, "Flights"), far, budget=budget)
