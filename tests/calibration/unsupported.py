"""How often wrong estimates say that they are unsupported, and right ones do not, where inputs shift and where not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from river import datasets as river_datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import fair, randhie

from algorithms.arrays import BoolArray, IntArray
from algorithms.performance import (
    Estimators,
    LabelledScores,
    Metric,
    MetricEstimate,
    ReferenceSample,
    examine,
    find_usual_shifts,
    join_columns,
)
from drift_detector.demo.flights import label_flights, read_flights
from tests.calibration.draws import Random
from tests.calibration.estimates import CLASSES, Judged, Task, estimate, learn, measure
from tests.calibration.faults import read_weather

TRAINED, REFERENCE, WINDOW = 4000, 5000, 2000
TOLERANCE = 0.05
SHARES = (1.0, 0.5, 0.25)
"""Of a window's rows that come from the other part of the data; none of the reference do."""
TILTS = (0.5, 1.0, 2.0)
"""By how many standard deviations of a random direction rows are preferred: inputs shift, and nothing else does."""
SAME = 6
FLIPPED = 0.3


@dataclass(frozen=True, slots=True)
class Source:
    """A public set whose rows can be divided by a column.

    Attributes:
        features: The columns, as numbers.
        label: Shape (n,), true or false.
        is_chosen: True if the limits were chosen on it.
    """

    features: pd.DataFrame
    label: BoolArray
    is_chosen: bool


@dataclass(slots=True)
class Counts:
    """Estimates of one sort of windows."""

    wrong: Counter[bool] = field(default_factory=Counter)
    right: Counter[bool] = field(default_factory=Counter)

    def add(self, is_wrong: bool, is_unsupported: bool) -> None:
        """Count one estimate."""
        (self.wrong if is_wrong else self.right)[is_unsupported] += 1


type Found = Mapping[str, Mapping[str, Counts]]
"""By the metrics, and by the sort of window."""

SORTS = ("nothing changes", "inputs shift", "labels alone change")
GROUPS: Mapping[str, Sequence[Metric]] = {
    "accuracy, ROC AUC": (Metric.ACCURACY, Metric.ROC_AUC),
    "all seven": CLASSES,
}


def unsupported_rows(draws: int, seed: int = 21) -> Iterator[list[str]]:
    """Each half of the sets and sort of window: the wrong estimates that say so, and the right ones that do not.

    Args:
        draws: References of each set.
        seed: Of the draws.
    """
    for is_chosen in (True, False):
        found: Found = {group: {sort: Counts() for sort in SORTS} for group in GROUPS}
        for source in sources().values():
            if source.is_chosen == is_chosen:
                random = np.random.default_rng(seed)
                for _ in range(draws):
                    _judge_source(source, random, found)
        half = "first" if is_chosen else "others"
        for group, by_sort in found.items():
            yield from _rows_of([half, group], by_sort)


def _rows_of(names: list[str], by_sort: Mapping[str, Counts]) -> Iterator[list[str]]:
    """A row for each sort of window, and one for all."""
    for sort, counts in by_sort.items():
        yield [*names, sort, *_shown(counts.wrong, True), *_shown(counts.right, False)]
    right = sum((each.right for each in by_sort.values()), Counter[bool]())
    yield [*names, "all", "", "", *_shown(right, False)]


def _shown(counts: Counter[bool], wanted: bool) -> list[str]:
    total = counts.total()
    return [f"{counts[wanted] / total:.1%}" if total else "none", f"{total:,}"]


@cache
def sources() -> Mapping[str, Source]:
    """Five sets; of the flights, two other questions."""
    flights = label_flights(read_flights()).to_pandas()
    late = flights.pop("label").to_numpy(bool)
    slow = (flights["dep_delay"] > 0).to_numpy()
    flights = _numbers(flights.drop(columns=["scheduled_departure", "week"]))
    weather, visits, affairs = read_weather(), randhie.load_pandas().data, fair.load_pandas().data
    poor = (weather.pop("visib") < 10).to_numpy()
    any_visit, any_affair = visits.pop("mdvis") > 0, affairs.pop("affairs") > 0
    return {
        "flights: late": Source(flights, late, is_chosen=True),
        "visits to doctors: any": Source(_numbers(visits), any_visit.to_numpy(), is_chosen=True),
        "bananas": Source(*_points(), is_chosen=True),
        "flights: late at departure": Source(
            flights.drop(columns="dep_delay"), slow, is_chosen=False
        ),
        "weather: poor sight": Source(_numbers(weather), poor, is_chosen=False),
        "affairs": Source(_numbers(affairs), any_affair.to_numpy(), is_chosen=False),
        "shuttle": Source(*_shuttle(), is_chosen=False),
    }


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    columns = {
        name: column if pd.api.types.is_numeric_dtype(column) else pd.factorize(column)[0]
        for name, column in table.items()
    }
    return pd.DataFrame(columns).astype(float)


def _points() -> tuple[pd.DataFrame, BoolArray]:
    points: Any = river_datasets.Bananas()  # type: ignore[no-untyped-call]
    rows = [(*point.values(), label) for point, label in points]
    table = pd.DataFrame(rows, columns=["across", "up", "label"]).astype(float)
    return table, (table.pop("label") > 0).to_numpy()


def _shuttle() -> tuple[pd.DataFrame, BoolArray]:
    rows: Any = river_datasets.Shuttle()
    given = [(features, label) for features, label in rows]
    table = pd.DataFrame([features for features, _ in given]).astype(float)
    return table, np.array([label for _, label in given], bool)


def _judge_source(source: Source, random: Random, found: Found) -> None:
    """Divide a set, let a model learn from one part, and judge windows with more and less of the other part."""
    other = _other_part(source.features, random)
    here, there = np.flatnonzero(~other), np.flatnonzero(other)
    random.shuffle(here)
    trained, reference, left = _parts(here)
    judged = _answers(source, trained, random)
    learnt = _learn(judged, reference)
    windows = [(SORTS[0], random.choice(left, min(WINDOW, len(left)), False)) for _ in range(SAME)]
    windows += [(SORTS[1], _mixed(left, there, share, random)) for share in SHARES]
    windows += [(SORTS[1], _tilted(source.features, left, tilt, random)) for tilt in TILTS]
    for sort, rows in windows:
        _judge_window(judged.at(rows), learnt, found, sort)
    changed = judged.at(windows[0][1])
    _judge_window(_with_flipped(changed, random), learnt, found, SORTS[2])


def _other_part(features: pd.DataFrame, random: Random) -> BoolArray:
    """The rows on one side of a quantile of a random column."""
    while True:
        column = features[random.choice(features.columns)]
        is_above = (column > column.quantile(random.choice([0.3, 0.5, 0.7]))).to_numpy()
        if 0.2 < is_above.mean() < 0.8:
            return np.asarray(is_above != (random.random() < 0.5), bool)


def _parts(rows: IntArray) -> list[IntArray]:
    """Rows to train on, those of the reference, and the others: at most so many, and never more than two fifths."""
    trained, reference = (min(most, len(rows) * 2 // 5) for most in (TRAINED, REFERENCE))
    return np.split(rows, [trained, trained + reference])


def _mixed(left: IntArray, there: IntArray, share: float, random: Random) -> IntArray:
    """A window of which a share comes from the other part."""
    rows = min(WINDOW, len(left), len(there))
    moved = int(share * rows)
    return np.concatenate(
        [random.choice(there, moved, False), random.choice(left, rows - moved, False)]
    )


def _tilted(features: pd.DataFrame, left: IntArray, tilt: float, random: Random) -> IntArray:
    """A window in which rows far out in a random direction are more frequent."""
    columns = random.choice(features.columns, min(2, features.shape[1]), replace=False)
    values = StandardScaler().fit_transform(features[columns].fillna(0.0).to_numpy()[left])
    direction = random.normal(size=len(columns))
    preferred = np.exp(tilt * np.clip(values, -3, 3) @ direction / np.linalg.norm(direction))
    return random.choice(left, min(WINDOW, len(left)), p=preferred / preferred.sum())


def _with_flipped(window: Judged, random: Random) -> Judged:
    """The window with a third of the labels turned round where a random feature is large: inputs stay."""
    column = window.features[:, random.integers(window.features.shape[1])]
    is_flipped = (column > np.nanmedian(column)) & (random.random(len(column)) < FLIPPED)
    label = np.where(is_flipped, 1 - window.label, window.label)
    return Judged(window.features, window.prediction, window.score, label)


def _answers(source: Source, trained: IntArray, random: Random) -> Judged:
    """All rows with the answers of one of three models; it predicts as many positives as there are in training."""
    models: Sequence[Any] = (
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500)),
        make_pipeline(SimpleImputer(), StandardScaler(), GaussianNB()),
        HistGradientBoostingClassifier(max_iter=50, random_state=0),
    )
    features, label = source.features.to_numpy(), source.label.astype(float)
    model = models[int(random.integers(len(models)))].fit(features[trained], label[trained])
    score = np.asarray(model.predict_proba(features)[:, 1], float)
    least = np.quantile(score[trained], 1 - label[trained].mean())
    return Judged(features, (score > least).astype(float), score, label)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a baseline keeps of a reference."""

    estimators: Estimators
    sample: ReferenceSample


def _learn(judged: Judged, rows: IntArray) -> Learnt:
    reference = judged.at(rows)
    columns = join_columns(reference.features, reference.score)
    sample = ReferenceSample(
        features=(),
        columns=columns,
        usual_shifts=find_usual_shifts(columns),
        scores=LabelledScores(
            score=reference.score,
            is_predicted=reference.prediction,
            is_positive=reference.label,
        ),
    )
    task = Task(judged.features, judged.label, is_classes=True)
    return Learnt(learn(task, reference), sample)


def _judge_window(window: Judged, learnt: Learnt, found: Found, sort: str) -> None:
    """Count each metric's estimate as wrong or right, and as supported or not."""
    estimates = estimate(learnt.estimators, window)
    truth = measure(Task(window.features, window.label, is_classes=True), window)
    columns = join_columns(window.features, window.score)
    support = examine(learnt.sample, columns, estimates, learnt.estimators.calibration)
    assert support is not None
    for group, metrics in GROUPS.items():
        for metric in metrics:
            error = _error(estimates[metric], truth[metric])
            is_unsupported = support.is_unsupported(metric)
            if error is not None:
                found[group][sort].add(error > TOLERANCE, is_unsupported)


def _error(estimated: MetricEstimate, measured: MetricEstimate) -> float | None:
    if estimated.value is None or measured.value is None:
        return None
    return abs(estimated.value - measured.value)
