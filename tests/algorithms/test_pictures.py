from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.arrays import FloatArray
from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.picture_format import (
    frames_to_json,
    pack,
    pack_pictures,
    pack_scores,
    show_feature,
    show_scores,
    unpack,
)
from algorithms.pictures import MOST_CATEGORIES, MOST_CELLS, QUANTILES, Drawing, NumericFrame
from algorithms.plan import EvaluationPlan
from algorithms.profiles import Profile
from tests.algorithms.windows import fit, mixed_window

PLAN = EvaluationPlan()
LARGEST_PICTURE = 2048
"""Bytes of a run of 20 features, as issue 19 asks."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(19)


def numbers(values: FloatArray) -> Baseline:
    return Baseline.fit(pa.table({"x": values}), {"x": FeatureKind.NUMERIC})


def words(values: Sequence[str | None]) -> Baseline:
    return Baseline.fit(pa.table({"c": list(values)}), {"c": FeatureKind.CATEGORICAL})


def drawn(baseline: Baseline, window: pa.Table, *sensitive: str) -> Drawing:
    drawing = Drawing(frames=baseline.frames, sensitive=sensitive)
    evaluate(baseline, window, PLAN, drawing=drawing)
    return drawing


def shown(baseline: Baseline, window: pa.Table, *sensitive: str) -> list[dict[str, Any]]:
    """The features of a window as a reader of the stored bytes sees them."""
    drawing = drawn(baseline, window, *sensitive)
    frames = unpack(pack(frames_to_json(baseline.frames, sensitive)))
    pictures = unpack(pack_pictures(drawing))
    pairs = zip(frames, pictures, strict=True)
    return [
        show_feature(frame, each, is_sensitive=frame["name"] in sensitive) for frame, each in pairs
    ]


def frame_of_x(baseline: Baseline) -> NumericFrame:
    frame = baseline.frames["x"]
    assert isinstance(frame, NumericFrame)
    return frame


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -1e300, 1e300]), min_size=1, max_size=300
    )
)
def test_frame__any_reference__has_few_ascending_cells(values: list[float]) -> None:
    frame = frame_of_x(numbers(np.array(values)))
    assert len(frame.shares) == len(frame.edges) + 1 <= MOST_CELLS
    assert all(low < high for low, high in pairwise(frame.edges))
    assert abs(sum(frame.shares) - 10_000) <= len(frame.shares)


@pytest.mark.parametrize("is_kept", [True, False])
def test_shares__normal_window__are_those_of_numpy(rng: np.random.Generator, is_kept: bool) -> None:
    baseline = numbers(rng.normal(size=50_000))
    baseline = baseline if is_kept else baseline.without_values()
    window = rng.normal(0.7, 1.5, 20_000)
    [feature] = shown(baseline, pa.table({"x": window}))
    places = np.searchsorted(feature["edges"], window)
    wanted = np.bincount(places, minlength=len(feature["edges"]) + 1) / len(window)
    np.testing.assert_allclose(feature["shares"]["current"], wanted, atol=5.1e-5)
    assert 20 <= len(feature["shares"]["current"]) <= MOST_CELLS


@pytest.mark.parametrize("is_kept", [True, False])
def test_quantiles__normal_window__are_within_a_frozen_cell(
    rng: np.random.Generator, is_kept: bool
) -> None:
    baseline = numbers(rng.normal(size=50_000))
    baseline = baseline if is_kept else baseline.without_values()
    window = rng.normal(0.3, 1.2, 20_000)
    [feature] = shown(baseline, pa.table({"x": window}))
    found = [each["current"] for each in feature["quantiles"]]
    wanted = np.quantile(window, [0, *QUANTILES, 1])
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_quantiles__beyond_the_reference__are_between_its_ends(rng: np.random.Generator) -> None:
    [feature] = shown(numbers(rng.random(2000)), pa.table({"x": 10 + rng.random(2000)}))
    found = [each["current"] for each in feature["quantiles"]]
    np.testing.assert_allclose(found, 10 + np.array([0, *QUANTILES, 1]), atol=0.03)
    assert feature["above"] == 1
    assert feature["below"] == 0


def test_frame__frequent_value__stands_alone(rng: np.random.Generator) -> None:
    values = np.where(rng.random(10_000) < 0.6, 0.0, rng.normal(size=10_000))
    [feature] = shown(numbers(values), pa.table({"x": values}))
    place = int(np.searchsorted(feature["edges"], 0.0))
    assert feature["shares"]["reference"][place] == pytest.approx((values == 0).mean(), abs=1e-4)


def test_frame__gap_of_the_reference__is_cut(rng: np.random.Generator) -> None:
    values = np.concatenate([rng.normal(0, 0.1, 5000), rng.normal(10, 0.1, 5000)])
    [feature] = shown(numbers(values), pa.table({"x": np.full(500, 5.0)}))
    place = int(np.argmax(feature["shares"]["current"]))
    assert feature["shares"]["current"][place] == 1
    assert feature["edges"][place] - feature["edges"][place - 1] < 2


def test_frame__wide_numbers__are_shown_with_their_origin() -> None:
    values = pa.array([2**60 + step for step in range(1000)], pa.int64())
    baseline = Baseline.fit(pa.table({"x": values}), {"x": FeatureKind.NUMERIC})
    [feature] = shown(baseline, pa.table({"x": values}))
    assert feature["quantiles"][0]["current"] == pytest.approx(2**60, abs=1)
    assert feature["quantiles"][0]["reference"] == 2**60
    assert feature["edges"][0] > 2**60


def test_pictures__parts_of_a_window__are_those_of_the_whole(rng: np.random.Generator) -> None:
    baseline = fit(mixed_window(rng, 5000)).without_values()
    window = mixed_window(rng, 3000)
    whole = drawn(baseline, window)
    profiles = [baseline.profile([each]) for each in window.to_batches(max_chunksize=700)]
    merged = Drawing(frames=baseline.frames)
    evaluate_profile(baseline, Profile.merge(profiles), PLAN, drawing=merged)
    assert merged.drawn == whole.drawn


def test_drawing__in_threads__draws_every_feature(rng: np.random.Generator) -> None:
    baseline, window = fit(mixed_window(rng, 5000)), mixed_window(rng, 60_000)
    assert drawn(baseline, window).drawn.keys() == baseline.features.keys()


def test_categories__new_and_further_ones__are_named_with_shares() -> None:
    usual = [f"c{rank:02}" for rank in range(30) for _ in range(100 - rank)]
    window = usual[:2000] + ["c29"] * 900 + ["zeta"] * 60 + ["eta"] * 40 + [None] * 100
    [feature] = shown(words(usual), pa.table({"c": window}))
    found, rows = feature["categories"], len(window) - 100
    assert found["names"] == [f"c{rank:02}" for rank in range(MOST_CATEGORIES)]
    assert [each["name"] for each in found["new"]["examples"]] == ["zeta", "eta"]
    assert found["new"]["share"] == pytest.approx(100 / rows, abs=1e-6)
    assert next(each["name"] for each in found["risen"]) == "c29"
    assert feature["null_rate"]["current"] == pytest.approx(100 / len(window), abs=1e-6)
    total = sum(feature["shares"]["current"]) + found["other"]["current"] + found["new"]["share"]
    assert total == pytest.approx(1, abs=3e-3)


def test_categories__long_or_with_nul__can_be_stored() -> None:
    [feature] = shown(words(["a" * 500, "b"] * 50), pa.table({"c": ["x\0y", "b"] * 50}))
    assert max(map(len, feature["categories"]["names"])) == 60
    assert "\0" not in feature["categories"]["new"]["examples"][0]["name"]


def test_pictures__lost_column__has_a_reason(rng: np.random.Generator) -> None:
    [feature] = shown(numbers(rng.random(500)), pa.table({"other": rng.random(500)}))
    assert feature["reason"] == "The window has no column 'x'."
    assert feature["shares"]["current"] is None
    assert feature["shares"]["reference"] is not None


@pytest.mark.parametrize(
    "values",
    [
        np.full(500, 7.5),
        np.array([1e308, -1e308] * 250),
        np.full(500, np.nan),
        np.array([np.inf, -np.inf, 1.0] * 200),
        np.arange(600) * 5e-324,
    ],
)
@pytest.mark.filterwarnings("error")
def test_pictures__odd_numbers__are_plain_json(values: FloatArray) -> None:
    usual = numbers(np.arange(600.0))
    shown(usual, pa.table({"x": values}))
    shown(numbers(values), pa.table({"x": np.arange(600.0)}))


def test_pictures__sensitive_features__hold_no_value() -> None:
    names, levels = ["marker-a", "marker-b"] * 300, np.tile([271828.0, 314159.0], 300)
    table = pa.table({"x": levels, "c": names})
    window = pa.table({"x": levels, "c": ["marker-new", "marker-b"] * 300})
    found = shown(fit(table), window, "x", "c")
    text = str(found)
    assert "marker" not in text
    assert "271828" not in text
    assert "314159" not in text
    assert all(each["is_sensitive"] and each["shares"]["current"] for each in found)


def test_scores__of_a_run__come_back_with_the_ratio(rng: np.random.Generator) -> None:
    baseline, window = fit(mixed_window(rng, 5000)), mixed_window(rng, 3000)
    results, names = evaluate(baseline, window, PLAN), list(baseline.frames)
    stored = unpack(pack_scores(results, names))
    found = {(each["method"], each["feature"]): each for each in show_scores(stored, names)}
    details = [(result.method.value, each) for result in results for each in result.details]
    for method, detail in details:
        score = found[method, detail.feature]
        assert score["verdict"] == detail.verdict.value
        for name in ("statistic", "effect_size", "tolerance"):
            wanted = getattr(detail, name)
            assert score[name] == (wanted and pytest.approx(wanted, rel=1e-3))


def test_size__twenty_features__fits_two_kilobytes(rng: np.random.Generator) -> None:
    table = pa.table({f"x{place}": rng.normal(size=20_000) for place in range(20)})
    baseline = fit(table)
    window = pa.table({name: table[name].to_numpy() * 1.1 + 0.2 for name in table.column_names})
    drawing = Drawing(frames=baseline.frames)
    results = evaluate(baseline, window, PLAN, drawing=drawing)
    names = list(baseline.frames)
    assert len(pack_pictures(drawing)) + len(pack_scores(results, names)) <= LARGEST_PICTURE
