"""Measures slices: incidents inside one of them, and whole runs without any."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.method_results import MethodResult
from algorithms.plan import EvaluationPlan

SLICES, FEATURES, ROWS = 20, 20, 20_000
WHERES = {f"s{each}": f"part = 'p{each}'" for each in range(SLICES)}
KINDS = {
    "part": FeatureKind.CATEGORICAL,
    **{f"f{each}": FeatureKind.NUMERIC for each in range(FEATURES)},
}
SHIFTS = (0.0, 0.3, 0.4, 0.5, 0.75)
"""In standard deviations; of 5 % of the rows, 0.5 moves the whole by 0.025."""


def slice_rows(draws: int) -> Iterator[list[str]]:
    """By shift: how often the slice, another slice and the whole drift, and the run without slices."""
    for shift in SHIFTS:
        yield _row(shift, draws)


def _row(shift: float, draws: int) -> list[str]:
    found = np.array([_answers(seed, shift) for seed in range(draws)])
    return [f"{shift:g} σ", *(f"{rate:.1%}" for rate in found.mean(axis=0)), str(draws)]


def _answers(seed: int, shift: float) -> list[bool]:
    """Whether the shifted slice, another slice, the whole, and a run without slices drift."""
    random = np.random.default_rng(seed)
    reference, current = _window(random, 0.0), _window(random, shift)
    plain = Baseline.fit(reference, KINDS)
    results = _judge(plain.with_slices(WHERES, reference), current)
    names = _drifted_slices(results)
    whole = any(each.severity for result in results for each in result.details)
    without = any(each.is_drifted for each in _judge(plain, current))
    return ["s0" in names, bool(names - {"s0"}), whole, without]


def _judge(baseline: Baseline, current: pa.Table) -> list[MethodResult]:
    return evaluate(baseline, current, EvaluationPlan(), threads=1)


def _window(random: np.random.Generator, shift: float) -> pa.Table:
    parts = random.integers(0, SLICES, ROWS)
    columns = {f"f{each}": random.normal(size=ROWS) for each in range(FEATURES)}
    columns["f0"] = columns["f0"] + shift * (parts == 0)
    names = np.array([f"p{each}" for each in range(SLICES)])
    return pa.table({"part": names[parts], **columns})


def _drifted_slices(results: list[MethodResult]) -> set[str]:
    return {each.slice for result in results for each in result.slices if each.severity}
