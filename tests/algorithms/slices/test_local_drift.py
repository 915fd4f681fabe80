"""The measures of a local drift; plain numpy over rows, scipy and simulation are the oracles."""

import numpy as np
import pytest
from scipy import stats

from algorithms.arrays import FloatArray
from algorithms.slices.local_drift import (
    CellCounts,
    change_scores,
    count_cells,
    local_excess,
    over_representation,
    unbiased_psi,
)


def counts(random: np.random.Generator, rows: int, shares: FloatArray) -> FloatArray:
    found: FloatArray = random.multinomial(rows, shares).astype(np.float64)
    return found


@pytest.mark.parametrize("falls", [False, True])
def test_local_excess__rows__is_the_difference_in_standard_errors(*, falls: bool) -> None:
    random = np.random.default_rng(0)
    shares = [[0.2] * 5, [0.1, 0.1, 0.1, 0.3, 0.4], [0.2] * 5, [0.2] * 5]
    shares[3] = [0.3, 0.2, 0.2, 0.2, 0.1] if falls else shares[3]
    sides = [
        random.choice(5, rows, p=own) for rows, own in zip((90, 110, 900, 700), shares, strict=True)
    ]
    weights = np.array([0.1, -0.4, 0.2, 0.9, 0.9])
    means = [weights[each].mean() for each in sides]
    variances = [weights[each].var(ddof=1) / len(each) for each in sides]
    inside, outside = count_cells(sides[0], sides[1], 5), count_cells(sides[2], sides[3], 5)
    rise = means[1] - means[0]
    expected = rise / np.sqrt(sum(variances[:2]))
    if not falls:
        expected = min(expected, (rise - (means[3] - means[2])) / np.sqrt(sum(variances)))
    assert local_excess(inside, outside, weights) == pytest.approx(expected)


def test_local_excess__both_move_alike__is_seldom_large() -> None:
    random = np.random.default_rng(1)
    before, after = np.full(5, 0.2), np.array([0.1, 0.1, 0.2, 0.3, 0.3])
    weights = np.log(after / before)
    found = [
        local_excess(
            CellCounts(counts(random, 300, before), counts(random, 300, after)),
            CellCounts(counts(random, 3000, before), counts(random, 3000, after)),
            weights,
        )
        for _ in range(500)
    ]
    assert np.mean(np.array(found) > stats.norm.isf(0.05)) < 0.08


def test_local_excess__all_rows_go_from_one_cell_to_another__is_clear_and_finite() -> None:
    inside = CellCounts(np.array([50.0, 0.0]), np.array([0.0, 50.0]))
    rest = CellCounts(np.array([500.0, 500.0]), np.array([500.0, 500.0]))
    assert 5 < local_excess(inside, rest, np.array([-1.0, 1.0])) < 50


def test_local_excess__fewer_than_two_rows__knows_nothing() -> None:
    one = CellCounts(np.array([1.0, 0.0]), np.array([0.0, 9.0]))
    rest = CellCounts(np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    assert local_excess(one, rest, np.array([0.0, 1.0])) == 0.0


def test_change_scores__slices_alike_and_not__are_small_and_large() -> None:
    random = np.random.default_rng(2)
    even, moved = np.full(6, 1 / 6), np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    alike = [counts(random, 400, even) for _ in range(200)]
    now = [counts(random, 400, even) for _ in range(199)] + [counts(random, 400, moved)]
    scores = change_scores(CellCounts(np.array(alike), np.array(now)))
    assert abs(scores[:-1].mean()) < 0.2
    assert 0.8 < scores[:-1].std() < 1.2
    assert scores[-1] > 5


def test_over_representation__cell_of_twice_as_many_rows__is_a_half() -> None:
    found = over_representation(CellCounts(np.array([1e6, 3e6]), np.array([2e6, 2e6])))
    assert found == pytest.approx([0.5, 0.0], abs=1e-5)


def test_unbiased_psi__shares__is_the_textbook_index() -> None:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.3, 0.3])
    found = unbiased_psi(CellCounts(p * 1e7, q * 1e7))
    assert found == pytest.approx(float(np.sum((q - p) * np.log(q / p))), abs=1e-5)
