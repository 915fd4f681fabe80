"""The demo's monitors, as bodies of `POST /api/v1/monitors`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from drift_detector.demo.flights import (
    LABEL,
    TIMESTAMP,
    WEEK,
    YEAR_END,
    YEAR_START,
    ZONE_NAME,
    replay_lag,
)
from drift_detector.demo.model import FEATURES, OUTPUTS, TRAINED_UNTIL

INPUTS, PREDICTIONS = "Late arrivals: inputs", "Late arrivals: predictions"
REPLAY = "Late arrivals: live replay"
MODEL_ID = "2ebd2ff5-2f43-4a5c-9d3c-3f0b6c2f7a13"

# At six on Monday all flights of the week before have landed, so a run reads that week, from Monday to Sunday.
# A week is long, so one drifted week opens an alert, and one that is ok resolves it.
ONE_OF_ONE = {"runs": 1, "of": 1}
EVERY_MONDAY: dict[str, Any] = {
    "schedule_cron": "0 6 * * 1", "window": "P7D", "window_lag": "PT6H",
    "open_after": {"warning": ONE_OF_ONE, "critical": ONE_OF_ONE}, "resolve_after": 1,
}  # fmt: skip
# A thousand flights are about a day's; one evening's storm makes the model wrong about many flights at once.
ERRORS = {
    "prediction_column": "prediction", "label_column": LABEL, "error_batch": 1000, "concept_methods": ["page_hinkley"],
    "score_column": "prediction_score",
    "performance_limits": {"accuracy": {"relative": 0.03}, "roc_auc": {"relative": 0.05}},
}  # fmt: skip
# A model that is trained on the worst week alone learns the storm, and not the season.
RETRAINING: Mapping[str, Any] = {"performance": True, "shortest_range": 4 * WEEK}
# The replay shows the schedule at work; its many runs leave the false-alarm budget to the others.
EVERY_HOUR: dict[str, Any] = {"schedule_cron": "0 * * * *", "window": "P7D", "budget_weight": 0.1}

# The first whole week after the baseline, up to the last whole week of the year.
BACKFILL_START, BACKFILL_END = TRAINED_UNTIL + WEEK, YEAR_END


def monitor_requests(uri: str, now: datetime) -> list[dict[str, Any]]:
    """The bodies of the requests that make the monitors.

    Two of them look back at April to December of 2013, a run a week. The third is a replay: its lag lets each hourly
    run find the flights of the same week of 2013, as if they were departing now.
    """
    replay = EVERY_HOUR | {"window_lag": iso_days(replay_lag(now))}
    return [
        _request(uri, INPUTS, FEATURES, EVERY_MONDAY),
        _request(uri, PREDICTIONS, [*OUTPUTS, LABEL], EVERY_MONDAY | ERRORS),
        _request(uri, REPLAY, FEATURES, replay),
    ]


def _request(
    uri: str, name: str, features: Sequence[str], fields: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "model_id": MODEL_ID,
        "reference_data_uri": uri,
        "reference_start": YEAR_START.isoformat(),
        "reference_end": TRAINED_UNTIL.isoformat(),
        "current_data_uri": uri,
        "timestamp_column": TIMESTAMP,
        "timezone": ZONE_NAME,
        "name": name,
        "feature_columns": features,
        **fields,
    }


def iso_days(duration: timedelta) -> str:
    """Whole days as an ISO-8601 duration."""
    return f"P{duration.days}D"
