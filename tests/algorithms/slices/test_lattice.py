"""The search of the lattice; a search through every conjunction, in plain numpy, is the oracle."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pytest

from algorithms.arrays import IntArray
from algorithms.slices.coded_features import CodedFeature, Predicate
from algorithms.slices.lattice import LONGER_COSTS, RowErrors, Sizes, search_lattice

ROWS, CELLS = 4000, 4
SIZES = Sizes(fewest=40)


def made(
    seed: int, features: int, planted: Sequence[int]
) -> tuple[dict[str, CodedFeature], RowErrors]:
    """Features of four cells; rows in cell 0 of the planted features have more errors in the current window."""
    random = np.random.default_rng(seed)
    before, after = (random.integers(0, CELLS, (features, ROWS)) for _ in range(2))
    predicates = [
        tuple(
            Predicate(f"f{place} = {cell}", f"f{place}", np.arange(CELLS) == cell)
            for cell in range(CELLS)
        )
        for place in range(features)
    ]
    coded = {
        f"f{place}": CodedFeature(
            f"f{place}", before[place], after[place], CELLS, predicates[place]
        )
        for place in range(features)
    }
    is_planted = np.all([after[place] == 0 for place in planted], axis=0)
    errors = RowErrors(random.random(ROWS) * 0.2, random.random(ROWS) * 0.2 + 0.5 * is_planted)
    return coded, errors


def everything(coded: dict[str, CodedFeature], errors: RowErrors) -> Iterator[tuple[str, float]]:
    """Every conjunction of up to three conditions with its score."""
    drift = errors.current.mean() - errors.reference.mean()
    deviation = np.concatenate([errors.reference, errors.current]).std()
    for size in (1, 2, 3):
        for features in combinations(coded.values(), size):
            for cells in product(range(CELLS), repeat=size):
                before = chosen([each.reference for each in features], cells)
                after = chosen([each.current for each in features], cells)
                if min(before.sum(), after.sum()) < SIZES.fewest:
                    continue
                excess = errors.current[after].mean() - errors.reference[before].mean() - drift
                error = deviation * np.sqrt(1 / before.sum() + 1 / after.sum())
                names = [
                    f"{each.name} = {cell}" for each, cell in zip(features, cells, strict=True)
                ]
                yield " and ".join(names), float(excess / error) - LONGER_COSTS * (size - 1)


def chosen(codes: Sequence[IntArray], cells: Sequence[int]) -> np.ndarray:
    return np.all([own == cell for own, cell in zip(codes, cells, strict=True)], axis=0)


@pytest.mark.parametrize("planted", [[1], [0, 2], [1, 2, 3]], ids=["one", "two", "three"])
@pytest.mark.parametrize("seed", range(3))
def test_search_lattice__planted_slice__is_the_best_of_all_conjunctions(
    seed: int, planted: list[int]
) -> None:
    coded, errors = made(seed, 5, planted)
    [found, *_] = search_lattice(coded, errors, SIZES, 10)
    where, score = max(everything(coded, errors), key=lambda each: each[1])
    assert found.score == pytest.approx(score)
    assert {*found.where.split(" and ")} == {*where.split(" and ")}
    assert {*where.split(" and ")} == {f"f{place} = 0" for place in planted}


@pytest.mark.parametrize("seed", range(3))
def test_search_lattice__pairs__pruning_loses_none_of_the_best(seed: int) -> None:
    coded, errors = made(seed, 4, [0, 1])
    found = search_lattice(coded, errors, SIZES, 5)
    pairs = [each for each in everything(coded, errors) if each[0].count(" and ") < 2]
    best = sorted(pairs, key=lambda each: each[1], reverse=True)[:5]
    shown = [each for each in found if len(each.predicates) < 3]
    expected = best[: len(shown)]
    assert [each.where for each in shown] == [where for where, _ in expected]
    assert [each.score for each in shown] == pytest.approx([score for _, score in expected])


def test_search_lattice__no_difference__finds_nothing() -> None:
    coded, _ = made(0, 4, [0])
    errors = RowErrors(np.full(ROWS, 0.3), np.full(ROWS, 0.3))
    assert search_lattice(coded, errors, SIZES, 10) == []


def test_search_lattice__small_or_large_slices__are_left_out() -> None:
    coded, errors = made(1, 4, [2])
    assert search_lattice(coded, errors, Sizes(fewest=ROWS), 10) == []
    assert search_lattice(coded, errors, Sizes(fewest=40, largest_share=0.1), 10) != []
    found = search_lattice(coded, errors, Sizes(fewest=40, largest_share=0.1), 10)
    assert all(len(each.predicates) > 1 for each in found)
