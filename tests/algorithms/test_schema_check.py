from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import Method
from algorithms.plan import EvaluationPlan
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import Profile
from algorithms.verdicts import Severity, Verdict

PLAN = EvaluationPlan()
ROWS = 200
CODES = [1, 2, 3, 4] * 50
WORDS = ["red", "green", "blue", "white"] * 50
DAYS = [date(2024, 1, 1 + code) for code in CODES]


def baseline_of(values: list[Any] | pa.Array, kind: FeatureKind) -> Baseline:
    return Baseline.fit(pa.table({"x": values}), {"x": kind})


def schema_of(results: list[MethodResult]) -> MethodResult:
    return next(result for result in results if result.method is Method.SCHEMA)


def untyped_baseline_of(words: list[str]) -> Baseline:
    """The baseline of a CSV file."""
    table = pa.table({"x": words})
    return Baseline.fit(table, {"x": FeatureKind.CATEGORICAL}, is_untyped=True)


@pytest.mark.parametrize(
    ("words", "window", "is_retyped"),
    [
        (list(map(str, CODES)), pa.array(CODES), False),
        (list(map(str, CODES)), pa.array(CODES, pa.float32()), False),
        (list(map(str, DAYS)), pa.array(DAYS), False),
        (list(map(str, CODES)), pa.array([True, False] * 100), False),
        (["02134", "00501"] * 100, pa.array([2134, 501] * 100), True),
        (WORDS, pa.array(CODES), True),
        (WORDS, pa.array(DAYS), True),
        (WORDS, pa.array([True, False] * 100), True),
        (WORDS, pa.array(CODES, pa.duration("s")), True),
        (WORDS, pa.nulls(ROWS, pa.int64()), False),
        (WORDS, pa.nulls(ROWS), False),
    ],
)
def test_schema__text_of_csv__is_retyped_where_it_writes_no_value_of_the_window(
    words: list[str], window: pa.Array, is_retyped: bool
) -> None:
    detail = finding(untyped_baseline_of(words), pa.table({"x": window}))
    assert detail.verdict is (Verdict.DRIFT if is_retyped else Verdict.OK)


def finding(baseline: Baseline, window: pa.Table) -> FeatureDetail:
    (detail,) = schema_of(evaluate(baseline, window, PLAN)).details
    return detail


def verdicts_of_others(baseline: Baseline, window: pa.Table) -> set[Verdict]:
    results = evaluate(baseline, window, PLAN)
    return {
        detail.verdict
        for result in results
        if result.method is not Method.SCHEMA
        for detail in result.details
    }


def test_schema__same_columns__ok_without_a_p_value() -> None:
    baseline = baseline_of(CODES, FeatureKind.NUMERIC)
    found = finding(baseline, pa.table({"x": CODES}))
    assert (found.verdict, found.severity, found.p_value, found.p_adjusted) == (
        "ok",
        None,
        None,
        None,
    )


def test_schema__lost_column__critical_drift_and_the_tests_an_error() -> None:
    baseline, window = baseline_of(CODES, FeatureKind.NUMERIC), pa.table({"y": CODES})
    found = finding(baseline, window)
    assert (found.verdict, found.severity) == (Verdict.DRIFT, Severity.CRITICAL)
    assert found.explanation == {"change": "lost"}
    assert "no column 'x'" in found.reason
    assert verdicts_of_others(baseline, window) == {Verdict.ERROR}


@pytest.mark.parametrize(
    ("reference", "kind", "current"),
    [
        (CODES, "numeric", WORDS),
        (CODES, "numeric", [str(code) for code in CODES]),
        ([float(code) for code in CODES], "numeric", DAYS),
        (DAYS, "numeric", CODES),
        (CODES, "numeric", [[code] for code in CODES]),
        (CODES, "categorical", WORDS),
        ([Decimal(code) for code in CODES], "categorical", WORDS),
        ([code > 2 for code in CODES], "categorical", WORDS),
        (DAYS, "categorical", WORDS),
        (DAYS, "categorical", CODES),
        (WORDS, "categorical", CODES),
        ([f"0{code}" for code in CODES], "categorical", CODES),
        (WORDS, "categorical", [word.encode() for word in WORDS]),
    ],
)
def test_schema__another_type__retyped_and_no_drift_by_its_values(
    reference: list[Any], kind: str, current: list[Any]
) -> None:
    baseline, window = baseline_of(reference, FeatureKind(kind)), pa.table({"x": current})
    found = finding(baseline, window)
    assert (found.verdict, found.severity) == (Verdict.DRIFT, Severity.CRITICAL)
    assert found.explanation == {"change": "retyped"}
    assert found.reason.startswith("Expected ")
    assert verdicts_of_others(baseline, window) == {Verdict.ERROR}


@pytest.mark.parametrize(
    ("reference", "kind", "current"),
    [
        (CODES, "numeric", pa.array(CODES, pa.float32())),
        (CODES, "numeric", [Decimal(code) for code in CODES]),
        (CODES, "numeric", pa.nulls(ROWS)),
        (CODES, "numeric", pa.nulls(ROWS, pa.string())),
        (CODES, "categorical", [str(code) for code in CODES]),
        (CODES, "categorical", [*["unknown"] * 20, *map(str, CODES[20:])]),
        (CODES, "categorical", [str(code + 70) for code in CODES]),
        (
            [code > 2 for code in CODES],
            "categorical",
            ["yes" if code > 2 else "no" for code in CODES],
        ),
        (DAYS, "categorical", [day.isoformat() for day in DAYS]),
        (WORDS, "categorical", [word.upper() for word in WORDS]),
    ],
)
def test_schema__same_values_or_other_values_of_the_type__ok(
    reference: list[Any], kind: str, current: list[Any] | pa.Array
) -> None:
    baseline = baseline_of(reference, FeatureKind(kind))
    assert finding(baseline, pa.table({"x": current})).verdict is Verdict.OK


def test_schema__new_columns__info_and_ok() -> None:
    baseline, window = baseline_of(CODES, FeatureKind.NUMERIC), pa.table({"x": CODES})
    result = schema_of(evaluate(baseline, window, PLAN, new_columns=["z", "y"]))
    assert (result.verdict, result.severity) == (Verdict.OK, Severity.INFO)
    assert [(each.feature, each.severity) for each in result.details] == [
        ("x", None),
        ("y", Severity.INFO),
        ("z", Severity.INFO),
    ]


def test_schema__window_in_parts_of_other_processes__same_finding() -> None:
    baseline = baseline_of(CODES, FeatureKind.NUMERIC)
    window = pa.table({"x": WORDS})
    parts = [baseline.profile([batch]) for batch in window.to_batches(max_chunksize=30)]
    merged = Profile.merge(profile_from_bytes(profile_to_bytes(part)) for part in parts)
    counted = schema_of(evaluate_profile(baseline, merged, PLAN))
    assert repr(counted) == repr(schema_of(evaluate(baseline, window, PLAN)))


def test_schema__lost_beside_shifted__worst_is_the_lost_one() -> None:
    rng = np.random.default_rng(0)
    baseline = Baseline.fit(
        pa.table({"x": rng.normal(size=ROWS), "y": CODES}),
        {"x": FeatureKind.NUMERIC, "y": FeatureKind.NUMERIC},
    )
    result = schema_of(evaluate(baseline, pa.table({"x": rng.normal(9, size=ROWS)}), PLAN))
    assert (result.worst_feature, result.severity) == ("y", Severity.CRITICAL)
    assert (result.statistic, result.p_value) == (None, None)


def test_schema__empty_window__no_data() -> None:
    baseline = baseline_of(CODES, FeatureKind.NUMERIC)
    assert finding(baseline, pa.table({"x": pa.array([], pa.int64())})).verdict is Verdict.NO_DATA
