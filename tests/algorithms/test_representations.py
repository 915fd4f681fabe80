"""The same values in any representation give the same verdict: distances of 0, and ok."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.methods import DEFAULT_LIMITS, FEATURE_METHODS, METHODS
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict

ROWS = 600
PLAN = EvaluationPlan(methods={method: DEFAULT_LIMITS[method] for method in FEATURE_METHODS})
NO_DISTANCE = {"ks", "psi", "chi_squared", "jensen_shannon", "hellinger"}

type Make = Callable[[Sequence[Any]], pa.Array]

WHOLE: dict[str, Make] = {
    "int8": lambda v: pa.array(v, pa.int8()),
    "uint16": lambda v: pa.array(v, pa.uint16()),
    "int64": lambda v: pa.array(v, pa.int64()),
    "float32": lambda v: pa.array(v, pa.float32()),
    "float64": lambda v: pa.array([float(x) for x in v]),
    "decimal(9, 0)": lambda v: pa.array([Decimal(x) for x in v], pa.decimal128(9, 0)),
    "decimal(20, 5)": lambda v: pa.array([Decimal(x) for x in v], pa.decimal128(20, 5)),
    "dictionary": lambda v: pa.array(v, pa.int64()).dictionary_encode(),
}
CENTS: dict[str, Make] = {
    "float64": lambda v: pa.array([x / 100 for x in v]),
    "times 0.01": lambda v: pa.array([x * 0.01 for x in v]),
    "float32": lambda v: pa.array([x / 100 for x in v], pa.float32()),
    "float16": lambda v: pa.array(np.array([x / 100 for x in v], np.float16)),
    "decimal(10, 2)": lambda v: pa.array([Decimal(x) / 100 for x in v], pa.decimal128(10, 2)),
    "decimal(30, 9)": lambda v: pa.array([Decimal(x) / 100 for x in v], pa.decimal256(40, 9)),
}
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS: dict[str, Make] = {
    "date32": lambda v: pa.array([(START + timedelta(days=x)).date() for x in v]),
    "s": lambda v: pa.array([START + timedelta(days=x) for x in v], pa.timestamp("s", "UTC")),
    "us, no zone": lambda v: pa.array(
        [(START + timedelta(days=x)).replace(tzinfo=None) for x in v], pa.timestamp("us")
    ),
    "ns, Tokyo": lambda v: pa.array(
        [START + timedelta(days=x) for x in v], pa.timestamp("ns", "Asia/Tokyo")
    ),
}
FLAGS: dict[str, Make] = {
    "bool": lambda v: pa.array([x % 2 == 1 for x in v]),
    "int8": lambda v: pa.array([x % 2 for x in v], pa.int8()),
    "float64": lambda v: pa.array([float(x % 2) for x in v]),
}
PAIRS = [
    (kind, values, left, right)
    for kind, values in [
        ("numeric", WHOLE), ("categorical", WHOLE), ("numeric", CENTS), ("categorical", CENTS),
        ("numeric", DAYS), ("categorical", DAYS), ("categorical", FLAGS), ("numeric", FLAGS),
    ]
    for left in values
    for right in values
    if not (kind == "numeric" and {"dictionary", "float16"} & {left, right})
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "makers", "left", "right"), PAIRS, ids=[f"{k}-{a}-{b}" for k, _, a, b in PAIRS]
)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**20), distinct=st.integers(2, 60))
def test_evaluate__same_values_in_two_types__nothing_differs(
    kind: str, makers: dict[str, Make], left: str, right: str, seed: int, distinct: int
) -> None:
    values = np.random.default_rng(seed).integers(1, distinct + 1, ROWS).tolist()
    baseline = Baseline.fit(pa.table({"x": makers[left](values)}), {"x": FeatureKind(kind)})
    for reference in (baseline, baseline.without_values()):
        results = evaluate(reference, pa.table({"x": makers[right](values)}), PLAN)
        details = [detail for result in results for detail in result.details]
        assert {detail.verdict for detail in details} == {Verdict.OK}
        by_method = {result.method.value: result for result in results if result.details}
        assert len(by_method) == sum(FeatureKind(kind) in METHODS[m].kinds for m in FEATURE_METHODS)
        for name in NO_DISTANCE & by_method.keys():
            assert by_method[name].statistic == pytest.approx(0, abs=1e-12)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_evaluate__float64_and_float16__ok_though_cells_are_as_fine_as_the_type(seed: int) -> None:
    values = np.random.default_rng(seed).integers(1, 40, ROWS).tolist()
    baseline = Baseline.fit(pa.table({"x": CENTS["float64"](values)}), {"x": FeatureKind.NUMERIC})
    for reference in (baseline, baseline.without_values()):
        results = evaluate(reference, pa.table({"x": CENTS["float16"](values)}), PLAN)
        assert {detail.verdict for result in results for detail in result.details} == {Verdict.OK}


@pytest.mark.parametrize(("left", "right"), [("float64", "float32"), ("float32", "float64")])
def test_evaluate__a_changed_cent__is_no_rounding(left: str, right: str) -> None:
    values = np.random.default_rng(0).choice([99, 199, 499], 5000).tolist()
    moved = [value + 1 for value in values]
    baseline = Baseline.fit(pa.table({"x": CENTS[left](values)}), {"x": FeatureKind.NUMERIC})
    results = evaluate(baseline, pa.table({"x": CENTS[right](moved)}), PLAN)
    verdicts = {result.method.value: result.verdict for result in results}
    assert verdicts["ks"] is verdicts["psi"] is Verdict.DRIFT


def test_evaluate__ids_one_apart_beyond_2_to_the_53__are_different_categories() -> None:
    ids = (2**60 + np.arange(4)).repeat(200)
    baseline = Baseline.fit(pa.table({"x": ids}), {"x": FeatureKind.CATEGORICAL})
    results = evaluate(baseline, pa.table({"x": ids + 4}), PLAN)
    assert {r.method.value: r.verdict for r in results}["chi_squared"] is Verdict.DRIFT


@pytest.mark.parametrize("words", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_evaluate__words_for_true_and_false__are_the_booleans(words: tuple[str, str]) -> None:
    flags = np.random.default_rng(0).random(ROWS) < 0.4
    text, truth = np.where(flags, *words), pa.array(flags)
    for reference, current in ((text, truth), (truth, text)):
        baseline = Baseline.fit(pa.table({"x": reference}), {"x": FeatureKind.CATEGORICAL})
        results = evaluate(baseline, pa.table({"x": current}), PLAN)
        details = [detail for result in results for detail in result.details]
        assert {detail.verdict for detail in details} == {Verdict.OK}


def test_evaluate__words_beside_others__are_text_and_no_booleans() -> None:
    text = np.random.default_rng(0).choice(["True", "False", "unknown"], ROWS)
    baseline = Baseline.fit(pa.table({"x": text}), {"x": FeatureKind.CATEGORICAL})
    results = evaluate(baseline, pa.table({"x": text == "True"}), PLAN)
    details = [detail for result in results for detail in result.details]
    assert {detail.verdict for detail in details} == {Verdict.ERROR}
    assert "Expected text values" in details[0].reason
