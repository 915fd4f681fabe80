"""Intervals that hold at all times: the promise is counted, and ends are compared with confseq and with theory."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, stats

from algorithms.arrays import FloatArray
from algorithms.performance import MetricEstimate
from algorithms.performance.confidence_sequence import (
    EQUAL_LOSSES,
    FEWEST_LOSSES,
    TOO_LARGE,
    follow_mean_loss,
    follow_share,
    root_of_mean,
    rows_for_mean_loss,
    rows_for_share,
)

FIFTHS = (np.arange(1, 61) % 5 != 0) * 1.0
HALVES = (np.arange(120) % 2) * 1.0
SPREAD = (np.arange(80) * 37 % 80) / 79
OF_CONFSEQ = [
    pytest.param(FIFTHS, 200, 60, (0.67625, 0.89625), id="one in five is wrong"),
    pytest.param(HALVES, 10**6, 120, (0.37875, 0.62), id="one in two is wrong"),
    pytest.param(SPREAD, 500, 100, (0.424, 0.5835), id="from 0 to 1"),
]
"""The ends that `betting_cs` of confseq (MIT; https://github.com/gostevehoward/confseq) gives for the same bets, on a
grid of 4,000 candidates, with the intersection of all times."""


def ends(found: MetricEstimate) -> tuple[float, float]:
    assert found.lower is not None
    assert found.upper is not None
    return found.lower, found.upper


def half_width(found: MetricEstimate) -> float:
    lower, upper = ends(found)
    return (upper - lower) / 2


@pytest.mark.parametrize(("values", "rows", "planned", "expected"), OF_CONFSEQ)
def test_share__same_bets__ends_are_those_of_confseq(
    values: FloatArray, rows: int, planned: int, expected: tuple[float, float]
) -> None:
    found = follow_share(values, rows=rows, planned=planned)
    assert ends(found) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("share", "rows", "n"), [(0.5, 1000, 150), (0.9, 300, 300), (0.98, 5000, 100)]
)
def test_share__looked_at_often__nineteen_draws_in_twenty_never_leave_it_out(
    share: float, rows: int, n: int
) -> None:
    random = np.random.default_rng(7)
    population = (np.arange(rows) < share * rows) * 1.0
    looks = np.unique(np.geomspace(1, n, 10).astype(int))

    def is_always_in() -> bool:
        drawn = random.permutation(population)[:n]
        found = [ends(follow_share(drawn[:k], rows=rows, planned=n)) for k in looks]
        return all(low - 1e-9 <= population.mean() <= high + 1e-9 for low, high in found)

    assert sum(is_always_in() for _ in range(60)) >= 57


@pytest.mark.parametrize(("share", "n"), [(0.5, 300), (0.8, 300), (0.95, 100)])
def test_share__at_the_planned_rows__is_a_fifth_to_two_fifths_wider_than_one_look(
    share: float, n: int
) -> None:
    """It depends on the order of the draw, so it is the mean of many."""
    random, values = np.random.default_rng(1), (np.arange(n) < share * n) * 1.0
    once = stats.binomtest(int(values.sum()), n).proportion_ci(method="wilson")
    widths = [
        half_width(follow_share(random.permutation(values), rows=10**6, planned=n))
        for _ in range(40)
    ]
    assert 1.15 < np.mean(widths) / ((once.high - once.low) / 2) < 1.45


@pytest.mark.parametrize("n", [100, 1000])
def test_mean_loss__at_the_planned_rows__is_55_percent_wider_than_one_look(n: int) -> None:
    losses = np.random.default_rng(2).exponential(size=n)
    found = follow_mean_loss(losses, rows=10**6, planned=n)
    assert half_width(found) / (1.96 * stats.sem(losses)) == pytest.approx(1.55, abs=0.01)


def test_share__plan_that_is_extended__keeps_the_intervals_of_before() -> None:
    values = np.random.default_rng(3).permutation((np.arange(400) < 300) * 1.0)
    for n in (1, 20, 30):
        before = follow_share(values[:n], rows=5000, planned=30)
        assert ends(follow_share(values[:n], rows=5000, planned=[30, 400])) == ends(before)
    extended, short, long = (
        half_width(follow_share(values, rows=5000, planned=plan)) for plan in ([30, 400], 30, 400)
    )
    assert long < extended < short


def test_share__plans_extended_after_a_look__never_leave_it_out_in_nineteen_draws_of_twenty() -> (
    None
):
    random = np.random.default_rng(9)
    population = (np.arange(2000) < 1500) * 1.0

    def is_always_in() -> bool:
        drawn, plans = random.permutation(population)[:200], [10]
        for n in range(10, 200, 10):
            low, high = ends(follow_share(drawn[:n], rows=2000, planned=plans))
            if not low - 1e-9 <= 0.75 <= high + 1e-9:
                return False
            if n == plans[-1]:
                plans.append(3 * n)
        return True

    assert sum(is_always_in() for _ in range(60)) >= 57


def test_share__all_rows_seen__is_their_mean_exactly() -> None:
    values = np.random.default_rng(3).random(77)
    found = follow_share(values, rows=77, planned=77)
    assert ends(found) == (float(values.mean()), float(values.mean()))


def test_share__unseen_rows__bound_what_is_possible() -> None:
    assert ends(follow_share(np.ones(99), rows=100, planned=100)) == pytest.approx((0.99, 1))
    assert ends(follow_share(np.empty(0), rows=100, planned=10)) == (0, 1)


def test_share__all_right_of_very_many_rows__is_not_certain() -> None:
    found = follow_share(np.ones(100), rows=10**12, planned=100)
    assert ends(found) == pytest.approx((0.93, 1), abs=0.005)


@pytest.mark.parametrize(
    ("values", "rows"), [([0.5, 1.1], 9), ([-0.1], 9), ([1, 1], 1), ([np.nan], 9)]
)
def test_share__wrong_values__are_refused(values: list[float], rows: int) -> None:
    with pytest.raises(ValueError, match=r"from 0 to 1|only 1 rows"):
        follow_share(np.array(values), rows=rows, planned=9)


def margin_of_the_paper(n: float, squared: float, alpha: float = 0.05) -> float:
    """The half-width of the asymptotic confidence sequence of standard deviation 1, as its theorem prints it."""
    grown = n * squared + 1
    return math.sqrt(2 * grown / (n**2 * squared) * math.log(math.sqrt(grown) / alpha))


def test_mean_loss__at_the_planned_rows__is_the_narrowest_of_its_family() -> None:
    losses = np.tile([0.0, 2.0], 200)
    found = follow_mean_loss(losses, rows=10**9, planned=400)
    best = optimize.minimize_scalar(lambda log: margin_of_the_paper(400, math.exp(log)), (-9, -3))
    assert half_width(found) == pytest.approx(best.fun * losses.std(ddof=1), rel=1e-3)


@pytest.mark.parametrize("draw", ["half-normal", "exponential", "squared normal"])
@pytest.mark.parametrize(("rows", "n"), [(10_000, 400), (420, 400)])
def test_mean_loss__looked_at_often__nineteen_draws_in_twenty_never_leave_it_out(
    draw: str, rows: int, n: int
) -> None:
    random = np.random.default_rng(8)
    draws: dict[str, Callable[[], FloatArray]] = {
        "half-normal": lambda: np.abs(random.normal(size=rows)),
        "exponential": lambda: random.exponential(size=rows),
        "squared normal": lambda: random.normal(size=rows) ** 2,
    }

    def is_always_in() -> bool:
        population = draws[draw]()
        looks = range(FEWEST_LOSSES, n, 20)
        found = [ends(follow_mean_loss(population[:k], rows=rows, planned=n)) for k in looks]
        return all(low <= population.mean() <= high for low, high in found)

    assert sum(is_always_in() for _ in range(200)) >= 190


@pytest.mark.parametrize("tail", ["lognormal", "squared t"])
def test_mean_loss__few_rows_have_most_of_it__leaves_it_out_in_ten_to_45_of_a_hundred(
    tail: str,
) -> None:
    """The limit that `docs/limits.md` states."""
    random = np.random.default_rng(1)

    def is_always_in() -> bool:
        drawn = random.standard_t(3, 10_000) ** 2
        if tail == "lognormal":
            drawn = random.lognormal(0, 1.5, 10_000)
        looks = range(FEWEST_LOSSES, 401, 20)
        found = [ends(follow_mean_loss(drawn[:k], rows=10_000, planned=400)) for k in looks]
        return all(low <= drawn.mean() <= high for low, high in found)

    assert 110 <= sum(is_always_in() for _ in range(200)) <= 180


def test_mean_loss__all_rows_seen__is_their_mean_exactly() -> None:
    losses = np.random.default_rng(3).exponential(size=40)
    found = follow_mean_loss(losses, rows=40, planned=40)
    assert ends(found) == (float(losses.mean()), float(losses.mean()))


def test_mean_loss__few_or_equal_ones__has_no_interval_and_says_why() -> None:
    few = follow_mean_loss(np.arange(99.0), rows=10**6, planned=500)
    equal = follow_mean_loss(np.full(200, 0.5), rows=10**6, planned=500)
    assert (few.value, few.lower, few.upper) == (49, None, None)
    assert "100 labelled rows" in few.reason
    assert (equal.value, equal.lower, equal.reason) == (0.5, None, EQUAL_LOSSES)


def test_mean_loss__negative_or_infinite__is_refused() -> None:
    for wrong in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="finite number of at least 0"):
            follow_mean_loss(np.array([wrong]), rows=9, planned=9)


@pytest.mark.parametrize(
    ("loss", "value"), [(1e308, None), (1e200, pytest.approx(5e199)), (1e75, pytest.approx(5e74))]
)
def test_mean_loss__squares_or_sums_beyond_floats__has_a_reason_and_no_infinity(
    loss: float, value: object
) -> None:
    found = follow_mean_loss(np.tile([0.0, loss, loss, 0.0], 50), rows=10**6, planned=200)
    assert found.value == value
    assert (found.upper is None) == (loss > 1e150)
    assert found.reason == (TOO_LARGE if loss > 1e150 else "")


def test_root__of_a_mean_of_squares__has_the_roots_of_its_ends() -> None:
    squares = np.random.default_rng(4).normal(size=500) ** 2
    found = follow_mean_loss(squares, rows=10**6, planned=500)
    root = root_of_mean(found)
    assert root.value == pytest.approx(math.sqrt(float(squares.mean())))
    assert ends(root) == pytest.approx(tuple(math.sqrt(end) for end in ends(found)))
    assert root_of_mean(MetricEstimate(n=0, reason="None.")).value is None


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_rows_for_share__that_many__reach_the_wanted_width(share: float) -> None:
    rows = rows_for_share(0.08, rows=5000, most=10_000, share=share)
    assert rows is not None
    random = np.random.default_rng(5)
    population = random.permutation((np.arange(5000) < share * 5000) * 1.0)
    found = follow_share(population[:rows], rows=5000, planned=rows)
    assert half_width(found) == pytest.approx(0.08, abs=0.012)


def test_rows_for_share__worst_case_and_small_windows__are_bounds() -> None:
    worst, expected = (rows_for_share(0.05, rows=10**6, most=10_000, share=p) for p in (0.5, 0.95))
    assert worst is not None
    assert expected is not None
    assert worst > 2 * expected
    assert rows_for_share(0.05, rows=200, most=10_000) in range(100, 201)
    assert rows_for_share(0.001, rows=10**6, most=10_000) is None


def test_rows_for_mean_loss__that_many__reach_the_wanted_width() -> None:
    rows = rows_for_mean_loss(0.1, rows=20_000, most=10_000, deviation=1.0)
    assert rows is not None
    losses = np.random.default_rng(6).exponential(size=rows)
    found = follow_mean_loss(losses, rows=20_000, planned=rows)
    assert half_width(found) == pytest.approx(0.1 * losses.std(ddof=1), rel=0.01)
    assert rows_for_mean_loss(0.001, rows=10**6, most=10_000, deviation=1.0) is None
    assert rows_for_mean_loss(9.0, rows=10**6, most=10_000, deviation=1.0) == FEWEST_LOSSES


@pytest.mark.parametrize("rows", [1, 2, 99])
def test_rows_for__a_small_window__are_at_most_all_of_it(rows: int) -> None:
    assert rows_for_mean_loss(1e-9, rows=rows, most=10_000, deviation=1.0) == rows
    assert rows_for_share(1e-9, rows=rows, most=10_000) == rows
    assert rows_for_mean_loss(9.0, rows=rows, most=10_000, deviation=0.1) == rows
