import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from algorithms.columns import Values
from algorithms.errors import InsufficientData
from algorithms.statistical_tests import chi_squared, chi_squared_from_counts
from algorithms.statistical_tests.chi_squared import le_cam_effect

tables = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=15)
words = st.lists(st.sampled_from("abcde"), min_size=1, max_size=60)


@given(tables)
def test_chi_squared_from_counts__any_table__agrees_with_scipy(
    cells: list[tuple[int, int]],
) -> None:
    table = np.array(cells).T
    assume((table.sum(axis=1) > 0).all())
    found = chi_squared_from_counts(table[0], table[1])
    oracle = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert (found.statistic, found.p_value) == pytest.approx(
        (oracle.statistic, oracle.pvalue), rel=1e-9, abs=0
    )
    assert found.degrees_of_freedom == oracle.dof
    assert 0 <= found.effect_size <= 1


@given(words, words)
def test_chi_squared__any_words__agrees_with_crosstab_in_any_order(
    left: list[str], right: list[str]
) -> None:
    table = [[side.count(word) for word in sorted({*left, *right})] for side in (left, right)]
    found = chi_squared(left, right)
    assert found.statistic == pytest.approx(
        stats.chi2_contingency(table, correction=False).statistic
    )
    assert chi_squared(left[::-1], sorted(right)).statistic == pytest.approx(found.statistic)


def test_chi_squared__two_by_two__matches_the_formula_by_hand() -> None:
    found = chi_squared(["a"] * 30 + ["b"] * 70, ["a"] * 50 + ["b"] * 50)
    assert found.statistic == pytest.approx(200 * (30 * 50 - 70 * 50) ** 2 / (100 * 100 * 80 * 120))
    squared = 0.5 * (0.2**2 / 0.8 + 0.2**2 / 1.2) - 1 / 4 * (2 / 100)
    assert found.effect_size == pytest.approx(squared**0.5)
    assert [part.category for part in found.top_categories] == ["a", "b"]


def test_chi_squared__equal_sample_sizes__effect_is_cramers_v_before_bias_removal() -> None:
    table = np.array([[400, 300, 300], [300, 300, 400]])
    found = chi_squared_from_counts(table[0], table[1])
    cramer = stats.contingency.association(table, method="cramer")
    assert found.effect_size**2 + 2 / 4 * (2 / 1000) == pytest.approx(cramer**2)


def test_chi_squared__disjoint_categories__effect_is_one_less_bias() -> None:
    found = chi_squared(["a"] * 5000, ["b"] * 5000)
    assert found.effect_size == pytest.approx(1, abs=1e-3)
    assert (found.new_categories, found.vanished_categories) == (1, 1)


@pytest.mark.parametrize("categories", [2, 5, 20])
@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (5000, 500)])
def test_le_cam_effect__no_drift__squared_distance_averages_the_bias(
    categories: int, n: int, m: int
) -> None:
    rng = np.random.default_rng(categories)
    shares = 1 / np.arange(1, categories + 1)
    left, right = (rng.multinomial(size, shares / shares.sum(), 4000) / size for size in (n, m))
    squared = 0.5 * np.sum((left - right) ** 2 / (left + right), axis=1)
    assert squared.mean() == pytest.approx((categories - 1) / 4 * (1 / n + 1 / m), rel=0.06)
    assert le_cam_effect(left[0], left[0], n, m) == 0


def test_chi_squared__equal_constants__no_evidence() -> None:
    found = chi_squared(["a"] * 10, ["a"] * 3)
    assert (found.statistic, found.p_value, found.effect_size, found.degrees_of_freedom) == (
        0,
        1,
        0,
        0,
    )


def test_chi_squared__nulls_and_nan__dropped_and_counted() -> None:
    found = chi_squared(["a", None, "b"], np.array(["a", np.nan, None, "b", "b"], dtype=object))
    assert (found.n_reference, found.nulls_reference, found.n_current, found.nulls_current) == (
        2,
        1,
        3,
        2,
    )


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        ([True, False], ["false", "true"]),
        ([1, 2], [1.0, 2.0]),
        (pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "a"], pa.string_view())),
        (np.array(["a", "b"]), pa.chunked_array([pa.array(["a"], pa.large_string()), ["b"]])),
    ],
)
def test_chi_squared__same_names_in_other_types__one_category(
    reference: Values, current: Values
) -> None:
    found = chi_squared(reference, current)
    assert (found.statistic, found.new_categories) == (0, 0)


def test_chi_squared__hundred_thousand_categories__each_counts() -> None:
    values = np.arange(100_000).astype(str)
    found = chi_squared(values, values)
    assert found.degrees_of_freedom == 99_999


@pytest.mark.parametrize(
    ("reference", "current", "window"), [([], ["a"], "reference"), (["a"], [None], "current")]
)
def test_chi_squared__no_usable_row__names_the_window(
    reference: Values, current: Values, window: str
) -> None:
    with pytest.raises(InsufficientData, match=window):
        chi_squared(reference, current)


def test_chi_squared__bad_input__says_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="categories"):
        chi_squared([b"a"], ["a"])
    with pytest.raises(ValueError, match="one-dimensional"):
        chi_squared([["a"]], ["a"])
    with pytest.raises(ValueError, match="one length"):
        chi_squared_from_counts([1, 2], [1])
    with pytest.raises(ValueError, match="whole numbers"):
        chi_squared_from_counts([1, -2], [1, 1])
