"""Odd columns have no names, and neither crash nor warn."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate_profile
from algorithms.faults.stale_fault import is_stale
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import NumericProfile
from algorithms.verdicts import Verdict
from tests.algorithms.faults.windows import PLAN, ROWS, draw, name_of

USUAL = draw(1).gamma(9, 2, ROWS)
EVERY = np.arange(ROWS)
COLUMNS = {
    "huge": (USUAL * 1e304, USUAL * 1e306),
    "denormal": (USUAL * 5e-322, USUAL * 5e-323),
    "only zeros": (np.zeros(ROWS), np.ones(ROWS)),
    "constant, then not": (np.full(ROWS, 7.0), USUAL),
    "infinite": (USUAL, np.where(EVERY % 2, np.inf, -np.inf)),
    "not a number": (USUAL, np.where(EVERY % 50, np.nan, 2 * USUAL)),
    "truths": (EVERY % 2 == 0, EVERY % 5 == 0),
    "codes": (EVERY % 5, EVERY % 5 * 100),
    "beyond 2^53": (2**60 + EVERY, 2**61 + EVERY),
    "few rows": (USUAL[:150], 100 * USUAL[:150]),
    "mostly one value": (np.where(EVERY % 200, 0, USUAL), np.where(EVERY % 2, 0, USUAL)),
    "one row": (USUAL, USUAL[:1]),
    "nulls": (USUAL, pa.nulls(ROWS, pa.float64())),
    "from tiny to huge": (USUAL, USUAL * 1e200),
    "much more spread than mean": (1e160 * (USUAL - USUAL.mean()) + 1.0, USUAL * 1e160),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_name__odd_column__has_none_and_warns_of_nothing(name: str) -> None:
    before, after = COLUMNS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert name_of(before, after) is None


def test_name__sensitive_feature__has_none() -> None:
    plan = replace(PLAN, sensitive=frozenset({"x"}))
    assert name_of(USUAL, USUAL * 100, plan) is None


def test_name__plan_without_names__has_none() -> None:
    assert name_of(USUAL, USUAL * 100, replace(PLAN, names_faults=False)) is None


def _baseline() -> Baseline:
    return Baseline.fit(pa.table({"x": USUAL}), {"x": FeatureKind.NUMERIC}).without_values()


def test_name__counted_in_pieces_by_workers__is_that_of_the_whole() -> None:
    baseline = _baseline()
    batches = pa.table({"x": draw(2).gamma(9, 2, 9_000) * 100}).to_batches(1_000)
    parts = [baseline.profile([batch], sampled=["x"]) for batch in reversed(batches)]
    stored = [profile_from_bytes(profile_to_bytes(part)) for part in parts]
    merged, whole = type(parts[0]).merge(stored), baseline.profile(batches, sampled=["x"])
    results = [evaluate_profile(baseline, each, PLAN) for each in (merged, whole)]
    faults = [[detail.fault for each in found for detail in each.details] for found in results]
    assert faults[0] == faults[1]
    assert any(fault is not None and "× 100 " in fault.text for fault in faults[0])


def test_profile__no_sample_asked_for__holds_none() -> None:
    profile = _baseline().profile(pa.table({"x": USUAL}).to_batches())
    feature = profile.features["x"]
    assert isinstance(feature, NumericProfile)
    assert feature.sample is None


def test_name__profile_without_a_sample__has_none() -> None:
    baseline = _baseline()
    profile = baseline.profile(pa.table({"x": USUAL * 100}).to_batches())
    details = [
        each for found in evaluate_profile(baseline, profile, PLAN) for each in found.details
    ]
    assert any(each.verdict is Verdict.DRIFT for each in details)
    assert all(each.fault is None for each in details)


PICTURE = [5_000, 0, 3, 2, 5_000, 5_000, 1, 2, 3, 4, 5, 6, 7, 0, 9]


def test_is_stale__same_picture__is() -> None:
    assert is_stale(PICTURE, list(PICTURE))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (PICTURE, [*PICTURE[:-1], 10]),
        ([100, *PICTURE[1:]], [100, *PICTURE[1:]]),
        ([*PICTURE[:6], *[1] * 9], [*PICTURE[:6], *[1] * 9]),
        ([], []),
        (["The window has no column 'x'."], ["The window has no column 'x'."]),
    ],
)
def test_is_stale__other_few_or_poor_values__is_not(now: list[Any], before: list[Any]) -> None:
    assert not is_stale(now, before)
