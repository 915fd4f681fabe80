"""Slices that carry a drift; what was written into the data is the oracle."""

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.references import FeatureReference
from algorithms.slices.drifting_slices import DriftingSlice, find_drifting_slices
from algorithms.slices.parsing import parse_condition
from algorithms.slices.row_samples import sample_rows
from algorithms.slices.slice_conditions import columns_of

N, C = FeatureKind.NUMERIC, FeatureKind.CATEGORICAL
KINDS = {"part": C, "side": C, "x": N, "y": N, "z": N}
ROWS = 8000
SEEDS = 20


def window(seed: int, *, part: float = 0.0, both: float = 0.0, whole: float = 0.0) -> pa.Table:
    """Twenty parts and two sides; y follows x and the part, and x moves in a part, in a side of one, or everywhere."""
    random = np.random.default_rng(seed)
    parts, sides = random.integers(0, 20, ROWS), random.integers(0, 2, ROWS)
    x = random.normal(size=ROWS) + 0.2 * parts + whole
    x += part * (parts == 7) + both * ((parts < 2) & (sides == 1))
    return pa.table(
        {
            "part": [f"p{each}" for each in parts],
            "side": [f"s{each}" for each in sides],
            "x": x,
            "y": random.normal(size=ROWS) + 0.5 * parts,
            "z": random.exponential(size=ROWS),
        }
    )


def find(
    seed: int, current: pa.Table, *, sensitive: tuple[str, ...] = (), targets: tuple[str, ...] = ()
) -> list[DriftingSlice]:
    reference = window(seed)
    features: dict[str, FeatureReference] = dict(Baseline.fit(reference, KINDS).features)
    samples = [sample_rows(each.to_batches(), 50_000, seed) for each in (reference, current)]
    return find_drifting_slices(features, *samples, sensitive=sensitive, targets=targets, seed=seed)


def test_find__part_of_five_percent_moves__is_the_first_in_most_seeds() -> None:
    found = [find(seed, window(1000 + seed, part=1.0)) for seed in range(SEEDS)]
    firsts = [each[0].where for each in found if each]
    assert firsts.count("part = 'p7'") >= 0.9 * SEEDS
    assert {each[0].feature for each in found if each} == {"x"}


def test_find__more_pairs_than_are_looked_at__only_the_first_features_are_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("algorithms.slices.drifting_slices.MOST_PAIRS", len(KINDS))
    drifted = window(1000, part=1.0)
    assert find(0, drifted, targets=("x", "z"))
    assert not find(0, drifted, targets=("z", "x"))


def test_find__no_drift__nothing_is_found_in_nearly_all_seeds() -> None:
    found = [bool(find(seed, window(2000 + seed))) for seed in range(2 * SEEDS)]
    assert sum(found) <= 0.05 * 2 * SEEDS


def test_find__whole_window_moves__nothing_is_found_in_nearly_all_seeds() -> None:
    found = [
        bool(find(seed, window(3000 + seed, whole=0.5), targets=("x",))) for seed in range(SEEDS)
    ]
    assert sum(found) <= 0.05 * SEEDS


def test_find__conjunction_moves__both_conditions_are_named() -> None:
    found = find(1, window(1001, both=2.0))
    assert {frozenset(columns_of(parse_condition(each.where))) for each in found} == {
        frozenset({"part", "side"})
    }
    wheres = {each.where for each in found}
    assert wheres == {f"part = 'p{each}' and side = 's1'" for each in (0, 1)}


def test_find__figures__are_those_of_the_slice() -> None:
    current = window(1002, part=4.0)
    [first, *_] = find(2, current, targets=("x",))
    share = np.mean(current["part"].to_numpy() == "p7")
    assert first.support == share
    assert first.share is not None
    assert first.share > 0.8
    assert first.rest_psi < 0.02 < 1 < first.psi
    assert first.p_value < 1e-20


def test_find__sensitive_feature__no_condition_names_it() -> None:
    found = find(3, window(1003, part=2.0), sensitive=("part",))
    assert "part" not in {
        name for each in found for name in columns_of(parse_condition(each.where))
    }


def test_find__column_is_lost_or_retyped__the_others_are_searched() -> None:
    current = window(1004, part=2.0)
    odd = current.drop_columns(["z"]).set_column(3, "y", pa.array(["words"] * ROWS))
    assert find(4, odd)[0].where == "part = 'p7'"


def test_find__few_rows__nothing_is_found() -> None:
    assert find(5, window(1005, part=3.0)[:40]) == []
    assert find(5, window(1005)[:0]) == []
