from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorithms.columns import FeatureKind
from algorithms.evaluation import summarize
from algorithms.evidence import run_p_value
from algorithms.method_results import AnyMethod, FeatureDetail, MethodResult, PerformanceMethod
from algorithms.method_results import Reference as ComparedWith
from algorithms.methods import Method
from algorithms.plan import EvaluationPlan, Policy
from algorithms.verdicts import Verdict

PLAN = EvaluationPlan()


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
