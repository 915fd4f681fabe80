"""Predictions and labels of CSV keep their letters, whatever one window holds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score

from detections.evaluation.run import evaluate_run
from detections.results import RunResult
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_flights_monitor, make_run, take

ZIPS, VERSIONS, PLAIN = ["02134", "2134", "10001"], ["1.10", "1.1", "2.0"], ["0", "1", "2"]
COLUMNS = {"prediction_column": "p", "label_column": "y", "positive_label": ""}
LIMITS = {"accuracy": {"minimum": 0.1}}


def labelled(week: int, words: list[str]) -> pd.DataFrame:
    """A week in which four of five predictions are the label."""
    frame = flights_like(week=week, start=TIMESTAMPS[week]).to_pandas()
    random = np.random.default_rng(200 + week)
    labels = random.choice(words, len(frame))
    is_right = random.random(len(frame)) < 0.8
    return frame.assign(y=labels, p=np.where(is_right, labels, random.choice(words, len(frame))))


def watch(folder: Path, **fields: Any) -> Monitor:
    uris = {"reference_data_uri": str(folder), "current_data_uri": str(folder)}
    columns = {"feature_columns": ["delay"], "performance_limits": LIMITS}
    return make_flights_monitor(folder, **uris | columns | COLUMNS | fields)


@pytest.fixture
def folder(in_tenant: Tenant, data_root: Path) -> Path:
    folder = data_root / "labelled"
    folder.mkdir()
    return folder


def evaluated(monitor: Monitor, week: int) -> RunResult:
    return evaluate_run(take(make_run(monitor, week=week)))


def accuracy_in(result: RunResult) -> Any:
    [found] = [each for each in result.methods if each.method.value == "performance"]
    [detail] = found.details
    return detail.statistic


@pytest.mark.parametrize("words", [ZIPS, VERSIONS, PLAIN])
@pytest.mark.parametrize("only", [slice(None), slice(1, 2), slice(1, None)])
def test_accuracy__of_csv__is_that_of_the_letters(
    folder: Path, words: list[str], only: slice
) -> None:
    """Week 2 holds some of the words only, and could be guessed to be of another type."""
    weeks = [labelled(week, words if week < 2 else words[only]) for week in range(3)]
    for week, frame in enumerate(weeks):
        frame.to_csv(folder / f"week{week}.csv", index=False)
    result = evaluated(watch(folder), 2)
    assert accuracy_in(result) == pytest.approx(accuracy_score(weeks[2]["y"], weeks[2]["p"]))


def test_outcomes__of_csv__keep_their_letters(folder: Path) -> None:
    weeks = [labelled(week, ZIPS if week < 2 else ZIPS[2:]) for week in range(3)]
    for week, frame in enumerate(weeks):
        frame.to_csv(folder / f"week{week}.csv", index=False)
    new = evaluated(watch(folder, performance_limits={}), 2).new_outcomes
    assert new is not None
    assert set(new.rows["label"].to_pylist()) == {"10001"}


@pytest.mark.parametrize("is_text", [True, False])
def test_csv__after_a_reference_in_parquet__is_read_as_its_types(
    folder: Path, data_root: Path, is_text: bool
) -> None:
    words = ZIPS if is_text else PLAIN
    reference = data_root / "reference"
    reference.mkdir()
    weeks = [labelled(week, words) for week in range(3)]
    for week, frame in enumerate(weeks[:2]):
        stored = frame if is_text else frame.astype({"p": int, "y": int})
        pq.write_table(pa.Table.from_pandas(stored), reference / f"week{week}.parquet")
    shown = weeks[2] if is_text else weeks[2].assign(p=weeks[2]["p"] + ".0")
    shown.to_csv(folder / "week2.csv", index=False)
    result = evaluated(watch(folder, reference_data_uri=str(reference)), 2)
    assert accuracy_in(result) == pytest.approx(accuracy_score(weeks[2]["y"], weeks[2]["p"]))


def test_csv__word_that_is_no_number__is_an_error_of_the_metric(folder: Path) -> None:
    for week in range(3):
        frame = labelled(week, PLAIN)
        if week == 2:
            frame.loc[7, "y"] = "many"
        frame.to_csv(folder / f"week{week}.csv", index=False)
    result = evaluated(watch(folder), 2)
    [found] = [each for each in result.methods if each.method.value == "performance"]
    assert (found.verdict, result.verdict) == ("error", "error")
