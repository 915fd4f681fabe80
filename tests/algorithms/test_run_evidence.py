from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from algorithms.columns import FeatureKind
from algorithms.evaluation import summarize
from algorithms.method_results import AnyMethod, FeatureDetail, MethodResult, PerformanceMethod
from algorithms.method_results import Reference as ComparedWith
from algorithms.methods import Method
from algorithms.null_models import NullModel
from algorithms.plan import EvaluationPlan, Policy
from algorithms.run_evidence import combined_p_value, e_value, run_p_value
from algorithms.verdicts import Verdict

PLAN = EvaluationPlan()


LEVEL = 0.05


def result_of(
    p_values: Sequence[float | None], *drifted: int, method: AnyMethod = Method.KS
) -> MethodResult:
    """A method's result on features with these p-values; those at the places drifted."""
    details = [
        FeatureDetail(
            feature=f"f{place}",
            kind=FeatureKind.NUMERIC,
            verdict=Verdict.DRIFT if place in drifted else Verdict.OK,
            p_value=p_value,
            effect_size=0.5,
        )
        for place, p_value in enumerate(p_values)
    ]
    return summarize(method, details)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_run_p_value__no_drift__is_that_of_simes(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values).min()
    assert run_p_value([result_of(p_values)], PLAN) == pytest.approx(expected)


def test_run_p_value__two_methods__are_one_family() -> None:
    results = [result_of([0.02, 0.5]), result_of([0.01, 0.9], method=Method.PSI)]
    assert run_p_value(results, PLAN) == pytest.approx(0.04)  # the lesser of 4·0.01 and 2·0.02


def test_run_p_value__drift__is_that_of_what_drifted() -> None:
    found = run_p_value([result_of([1e-9, 0.004, 0.5, 0.6], 1)], PLAN)
    assert found == pytest.approx(0.008)  # the second of four: 4 / 2 times 0.004


def test_run_p_value__two_references__takes_both_into_account() -> None:
    seasonal = replace(result_of([0.01]), reference=ComparedWith.SEASONAL)
    assert run_p_value([result_of([0.4]), seasonal], PLAN) == pytest.approx(0.02)


def test_run_p_value__drift_from_the_weeks_before_alone__counts_those() -> None:
    seasonal = replace(result_of([0.01], 0), reference=ComparedWith.SEASONAL)
    assert run_p_value([result_of([0.001]), seasonal], PLAN) == pytest.approx(0.02)


def test_run_p_value__drift_on_a_slice_alone__is_twice_what_was_adjusted() -> None:
    whole = result_of([0.4])
    drifted = replace(whole.details[0], slice="small", verdict=Verdict.DRIFT, p_adjusted=0.01)
    on_slice = replace(whole, slices=(drifted,), verdict=Verdict.DRIFT, is_drifted=True)
    assert run_p_value([on_slice], PLAN) == pytest.approx(0.02)


def test_run_p_value__policy_threshold__has_none() -> None:
    assert run_p_value([result_of([0.5])], EvaluationPlan(policy=Policy.THRESHOLD)) is None


@pytest.mark.parametrize("method", [Method.SCHEMA, PerformanceMethod.PERFORMANCE])
def test_run_p_value__only_what_has_no_p_value__has_none(method: AnyMethod) -> None:
    assert run_p_value([result_of([None], 0, method=method)], PLAN) is None


def test_run_p_value__nothing_compared__has_none() -> None:
    assert run_p_value([], PLAN) is None


def test_run_p_value__true_nulls__is_uniform() -> None:
    """Simes' p-value of independent tests is uniform (Simes, 1986)."""
    random = np.random.default_rng(1)
    found = [run_p_value([result_of(random.random(5).tolist())], PLAN) or 0 for _ in range(500)]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def with_null(mean: float) -> EvaluationPlan:
    """A plan that knows nine windows of the feature f0; a window's effect 0.5 is compared with the mean's cube."""
    return EvaluationPlan(nulls={(Method.KS, "f0"): NullModel(9, mean, 0.1)})


def test_run_p_value__null_model__raises_a_smaller_p_value() -> None:
    t = (np.cbrt(0.5) - 0.4) / (0.1 * (1 + 1 / 9) ** 0.5)
    found = run_p_value([result_of([1e-30], 0)], with_null(0.4))
    assert found == pytest.approx(stats.t.sf(t, 8))


def test_run_p_value__null_model__never_lowers_a_p_value() -> None:
    assert run_p_value([result_of([0.3])], with_null(0.01)) == 0.3


def test_run_p_value__weeks_before__are_as_usual_as_the_baseline() -> None:
    seasonal = replace(result_of([1e-9]), reference=ComparedWith.SEASONAL)
    assert run_p_value([seasonal], with_null(0.8)) == run_p_value(
        [result_of([1e-9])], with_null(0.8)
    )


def test_run_p_value__many_features_of_a_drift__is_at_most_the_level() -> None:
    found = run_p_value([result_of([0.04, *[0.9] * 599], 0)], PLAN)
    assert found == LEVEL


def test_run_p_value__null_model_among_others__is_that_of_simes() -> None:
    raised = float(stats.t.sf((np.cbrt(0.5) - 0.4) / (0.1 * (1 + 1 / 9) ** 0.5), 8))
    expected = stats.false_discovery_control([raised, 0.2, 0.3]).min()
    assert run_p_value([result_of([1e-30, 0.2, 0.3])], with_null(0.4)) == pytest.approx(expected)


def test_e_value__uniform_p_value__is_one_on_average() -> None:
    mean, _ = integrate.quad(e_value, 0, 1)
    assert mean == pytest.approx(1, rel=1e-6)


def test_combined_p_value__one_window__is_twice_its_own() -> None:
    assert combined_p_value([1e-6]) == 2e-6


def test_combined_p_value__two_windows__is_the_sum_over_starts() -> None:
    first, second = (0.2 * p**-0.8 for p in (0.001, 0.002))
    assert combined_p_value([0.001, 0.002]) == pytest.approx(2 / (first * second + second))


@pytest.mark.parametrize(("p_values", "expected"), [([], 1.0), ([1.0], 1.0), ([0.0], 0.0)])
def test_combined_p_value__edges__have_answers(p_values: list[float], expected: float) -> None:
    assert combined_p_value(p_values) == expected


def test_combined_p_value__bounded_windows_in_a_row__open_in_the_end() -> None:
    level = 5 / 30_400  # five a month for 1,000 daily monitors
    opening = [windows for windows in range(1, 9) if combined_p_value([0.005] * windows) <= level]
    assert opening[0] == 4
    assert stats.combine_pvalues([0.005] * 4).pvalue < level  # Fisher's rule agrees


def test_combined_p_value__no_drift__opens_within_the_budget() -> None:
    """All windows counted as drifted, begun anew after each opening: at most level × windows (Ville)."""
    random, windows, opened = np.random.default_rng(3), 40_000, 0
    row: list[float] = []
    for p_value in random.random(windows):
        row = [*row[-30:], float(p_value)]
        if combined_p_value(row) <= LEVEL:
            opened, row = opened + 1, []
    assert 0 < opened <= LEVEL * windows
