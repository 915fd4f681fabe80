"""Slices of a window, counted in the same pass as the whole; numpy's own filter is the oracle."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import Method
from algorithms.plan import EvaluationPlan
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import CategoricalProfile, NumericProfile, Profile
from algorithms.slices.slice_references import MOST_CATEGORIES
from algorithms.verdicts import Verdict

KINDS = {
    "x": FeatureKind.NUMERIC,
    "y": FeatureKind.NUMERIC,
    "carrier": FeatureKind.CATEGORICAL,
}
SLICES = {"united": "carrier = 'c3'", "high": "x > 1 and y is not null", "rare": "x > 3.5"}


def window(rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    """Rows in which x of the carrier c3, one in twenty, may be shifted."""
    random = np.random.default_rng(seed)
    carrier = random.choice([f"c{each}" for each in range(20)], rows)
    x = random.normal(size=rows) + shift * (carrier == "c3")
    y = pa.array(random.integers(0, 10, rows), mask=random.random(rows) < 0.1)
    return pa.table({"x": x, "y": y, "carrier": carrier})


REFERENCE = window(20_000, 0)
WHOLE = Baseline.fit(REFERENCE, KINDS)
BASELINE = WHOLE.with_slices(SLICES, REFERENCE)


def judge(current: pa.Table, baseline: Baseline = BASELINE) -> dict[Method, MethodResult]:
    plan = EvaluationPlan()
    found = evaluate(baseline, current, plan)
    return {Method(each.method): each for each in found}


def drifted(results: dict[Method, MethodResult]) -> set[tuple[str, str]]:
    found: list[FeatureDetail] = [each for result in results.values() for each in result.slices]
    return {(each.slice, each.feature) for each in found if each.verdict is Verdict.DRIFT}


def counts_of(profile: Profile, name: str, feature: str) -> tuple[int, int]:
    """Rows with a value, and without one, of a feature on a slice."""
    found = profile.slices[name].features[feature]
    assert isinstance(found, NumericProfile | CategoricalProfile)
    return found.rows, found.missing


def test_with_slices__rows_of_reference__are_those_numpy_filters() -> None:
    x, y = REFERENCE["x"].to_numpy(), np.array(REFERENCE["y"].is_valid())
    high = BASELINE.slices["high"]
    assert high.rows == np.count_nonzero((x > 1) & y)
    assert high.features["y"].missing == 0
    assert BASELINE.slices["rare"].rows == np.count_nonzero(x > 3.5)


def test_with_slices__none__content_hash_stays_as_it_was() -> None:
    assert WHOLE.with_slices({}, REFERENCE).content_hash == WHOLE.content_hash
    assert BASELINE.content_hash != WHOLE.content_hash


def test_to_bytes__with_slices__come_back_to_the_last_count() -> None:
    restored = Baseline.from_bytes(BASELINE.to_bytes())
    assert restored.content_hash == BASELINE.content_hash
    current = window(5000, 1, shift=0.6)
    assert judge(current, restored) == judge(current)


@pytest.mark.parametrize(
    "read",
    [
        lambda table: BASELINE.profile(table.to_batches(max_chunksize=700)),
        lambda table: BASELINE.profile_columns(table),
        lambda table: profile_from_bytes(profile_to_bytes(BASELINE.profile_columns(table))),
        lambda table: Profile.merge(
            [BASELINE.profile(part.to_batches()) for part in (table[:1234], table[1234:])]
        ),
    ],
    ids=["batches", "columns", "bytes", "parts"],
)
def test_profile__any_way_of_reading__slices_have_rows_of_numpy(
    read: Callable[[pa.Table], Profile],
) -> None:
    table = window(5000, 2)
    chosen = table["carrier"].to_numpy() == "c3"
    missing = ~np.array(table["y"].is_valid())
    profile = read(table)
    assert profile.slices["united"].rows == np.count_nonzero(chosen)
    expected = [np.count_nonzero(chosen & ~missing), np.count_nonzero(chosen & missing)]
    assert list(counts_of(profile, "united", "y")) == expected


def test_evaluate__streamed_or_at_once__slices_have_the_same_answers() -> None:
    current, plan = window(5000, 3, shift=0.6), EvaluationPlan()
    at_once = evaluate(BASELINE.without_values(), current, plan)
    profile = BASELINE.without_values().profile(current.to_batches(max_chunksize=999))
    streamed = evaluate_profile(BASELINE.without_values(), profile, plan)
    assert [each.slices for each in streamed] == [each.slices for each in at_once]


def test_evaluate__drift_in_one_slice__it_alone_drifts() -> None:
    results = judge(window(20_000, 4, shift=0.6))
    assert drifted(results) == {("united", "x")}
    assert results[Method.KS].is_drifted
    assert all(each.verdict is Verdict.OK for each in results[Method.KS].details)


def test_evaluate__no_drift__each_slice_leaves_one_row() -> None:
    results = judge(window(20_000, 5))
    assert drifted(results) == set()
    assert [each.slice for each in results[Method.KS].slices] == list(SLICES)
    assert results[Method.PSI].slices == ()


def test_evaluate__slice_of_few_rows__says_so_and_does_not_count() -> None:
    results = judge(window(20_000, 5))
    (rare,) = (each for each in results[Method.KS].slices if each.slice == "rare")
    assert (rare.verdict, rare.is_judgeable) == (Verdict.INSUFFICIENT_DATA, False)
    assert results[Method.KS].verdict is Verdict.OK


def test_evaluate__window_without_the_slices_column__says_why() -> None:
    results = judge(window(5000, 6).drop_columns(["carrier"]))
    (united,) = (each for each in results[Method.KS].slices if each.slice == "united")
    assert united.verdict is Verdict.ERROR
    assert "no column 'carrier'" in united.reason


def test_evaluate__slices_column_is_lost__other_features_stay_ok() -> None:
    results = judge(window(5000, 6).drop_columns(["carrier"]))
    assert results[Method.KS].verdict is Verdict.OK
    (united,) = (each for each in results[Method.KS].slices if each.slice == "united")
    assert not united.is_judgeable


def test_evaluate__no_row__slices_do_not_count() -> None:
    results = judge(window(0, 7))
    assert results[Method.KS].verdict is Verdict.NO_DATA
    assert not any(each.is_judgeable for each in results[Method.KS].slices)


def test_with_slices__feature_of_many_categories__is_not_judged_on_slices() -> None:
    names = [f"id{each}" for each in range(MOST_CATEGORIES + 1)]
    table = pa.table({"id": names, "x": np.arange(float(len(names)))})
    kinds = {"id": FeatureKind.CATEGORICAL, "x": FeatureKind.NUMERIC}
    sliced = Baseline.fit(table, kinds).with_slices({"low": "x < 500"}, table)
    assert list(sliced.slices["low"].features) == ["x"]


def test_evaluate__all_rows_as_a_slice__agrees_with_the_whole() -> None:
    everything = WHOLE.without_values().with_slices({"all": "x is not null"}, REFERENCE)
    results = judge(window(20_000, 8, shift=2.0), everything)
    whole = {each.feature: each for each in results[Method.KS].details}
    (slices,) = results[Method.KS].slices
    assert slices.effect_size == pytest.approx(whole[slices.feature].effect_size, abs=0.01)


def test_evaluate__slice_of_one_odd_word__leaves_the_run_ok() -> None:
    codes, x = np.arange(2000) % 2 + 1, np.arange(2000.0)
    reference = pa.table({"code": codes, "x": x})
    kinds = {"code": FeatureKind.CATEGORICAL, "x": FeatureKind.NUMERIC}
    sliced = Baseline.fit(reference, kinds).with_slices({"last": "x >= 1999"}, reference)
    words = [*map(str, codes[:-1]), "N/A"]
    result = judge(pa.table({"code": words, "x": x}), sliced)[Method.CHI_SQUARED]
    assert result.verdict is Verdict.OK
    assert [each.verdict for each in result.slices] == [Verdict.INSUFFICIENT_DATA]


@pytest.mark.parametrize("empty", [pa.array([np.nan] * 3), pa.nulls(3)], ids=["NaN", "null"])
def test_profile_columns__no_value__slices_do_not_retype_it(empty: pa.Array) -> None:
    known = pa.table({"c": ["007", "a", "b"], "x": [1.0, 2.0, 3.0]})
    kinds = {"c": FeatureKind.CATEGORICAL, "x": FeatureKind.NUMERIC}
    whole = Baseline.fit(known, kinds, is_untyped=True)
    sliced = whole.with_slices({"all": "x > 0"}, known)
    profile = sliced.profile_columns(pa.table({"c": empty, "x": [1.0, 2.0, 3.0]}))
    assert counts_of(profile, "all", "c") == (0, 3)
