from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pyarrow as pa
import pytest

from algorithms import methods
from algorithms.columns import FeatureKind
from algorithms.evaluation import evaluate
from algorithms.methods import DEFAULT_LIMITS, METHODS, Method, MethodSpec, ThresholdKind
from algorithms.plan import EvaluationPlan, Policy
from algorithms.verdicts import Verdict
from tests.algorithms.windows import fit

ROWS = 2000
SUFFIX = "_method"

each_method = pytest.mark.parametrize("method", Method)


def window(*, changed: bool) -> pa.Table:
    """Numbers and categories; when changed, three times as many rows, moved, with gaps and a new category."""
    rows = ROWS * 3 if changed else ROWS
    numbers = np.random.default_rng(0).normal(5.0 if changed else 0.0, 1.0, rows)
    names = np.where(np.arange(rows) % 2 == 0, "a", "c" if changed else "b")
    is_missing = np.arange(rows) % 4 == 0 if changed else None
    return pa.table({"x": pa.array(numbers, mask=is_missing), "name": names})


def modules_of_methods() -> dict[str, MethodSpec]:
    names = [found.name for found in iter_modules(methods.__path__) if found.name.endswith(SUFFIX)]
    return {
        name.removesuffix(SUFFIX): import_module(f"{methods.__name__}.{name}").SPEC
        for name in names
    }


def test_registry__holds_every_method_module_by_its_name() -> None:
    assert modules_of_methods() == {method.value: spec for method, spec in METHODS.items()}
    assert list(METHODS) == list(Method)


def test_registry__titles_are_unique() -> None:
    assert len({spec.title for spec in METHODS.values()}) == len(METHODS)


@each_method
def test_spec__compares_features_or_rows_or_columns(method: Method) -> None:
    spec = METHODS[method]
    assert sum([bool(spec.kinds), spec.row_count is not None, spec.checks_schema]) == 1
    assert spec.compares(FeatureKind)


@each_method
def test_limits__defaults_are_in_range_and_own_ones_fixed(method: Method) -> None:
    spec, limits = METHODS[method], DEFAULT_LIMITS[method]
    assert 0 < limits.warning <= limits.tolerance <= limits.scale
    assert 0 < limits.threshold <= spec.highest_threshold
    assert not limits.is_fixed
    assert spec.limits(0.01, 0.01).is_fixed
    assert spec.limits(0.01, 0.01).threshold == 0.01


@each_method
@pytest.mark.parametrize("policy", Policy)
def test_method__a_great_change_is_drift_and_none_is_ok(method: Method, policy: Policy) -> None:
    plan = EvaluationPlan(
        methods={method: DEFAULT_LIMITS[method]}, policy=policy, usual_rows=(ROWS,) * 20
    )
    baseline = fit(window(changed=False))
    assert evaluate(baseline, window(changed=False), plan)[0].verdict is Verdict.OK
    changed = window(changed=True)
    if METHODS[method].checks_schema:
        changed = changed.drop_columns(["x"])
    assert evaluate(baseline, changed, plan)[0].verdict is Verdict.DRIFT


@each_method
def test_threshold__one_that_nothing_reaches_gives_ok(method: Method) -> None:
    """A p-value is never below 0, and no statistic of this change is above 100."""
    is_significance = METHODS[method].threshold_kind is ThresholdKind.SIGNIFICANCE
    unreached = METHODS[method].limits(-1.0 if is_significance else 100.0)
    plan = EvaluationPlan(
        methods={method: unreached}, policy=Policy.THRESHOLD, usual_rows=(ROWS,) * 20
    )
    assert evaluate(fit(window(changed=False)), window(changed=True), plan)[0].verdict is Verdict.OK
