"""Windows of one feature, judged with names of faults."""

from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.faults.fault import Fault
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict

PLAN = EvaluationPlan(names_faults=True)
ROWS = 3_000


def draw(seed: int, rows: int = ROWS) -> np.random.Generator:
    """A generator of a seed; the two windows of a test have different ones."""
    return np.random.default_rng(seed)


def name_of(reference: Any, window: Any, plan: EvaluationPlan = PLAN) -> Fault | None:
    """The fault of a feature's drift; None if it has no name, or does not drift."""
    return names_of({"x": reference}, {"x": window}, plan).get("x")


def names_of(
    reference: dict[str, Any], window: dict[str, Any], plan: EvaluationPlan = PLAN
) -> dict[str, Fault | None]:
    """The drifted features, each with its fault if it has one."""
    before, after = _table(reference), _table(window)
    results = evaluate(Baseline.fit(before, _kinds(before)), after, plan)
    details = [detail for result in results for detail in result.details]
    return {each.feature: each.fault for each in details if each.verdict is Verdict.DRIFT}


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _kinds(table: pa.Table) -> dict[str, FeatureKind]:
    return {
        field.name: FeatureKind.CATEGORICAL
        if pa.types.is_string(field.type)
        else FeatureKind.NUMERIC
        for field in table.schema
    }
