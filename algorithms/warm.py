"""Compiles every kernel beforehand: at install time by `python -m algorithms.warm`, and when a worker starts.

numba keeps what it compiled beside the sources, so a process that comes later only loads it.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa

from .arrays import FloatArray
from .baseline import Baseline, FeatureKind
from .categories import count_categories
from .concept_drift.averaging import Averaging
from .concept_drift.detector_registry import ConceptMethod, new_detector
from .evaluation import evaluate, evaluate_profile
from .methods import DEFAULT_LIMITS
from .performance.trees import Trees
from .pictures import MOST_CATEGORIES, Drawing
from .plan import EvaluationPlan
from .profile_format import profile_from_bytes, profile_to_bytes
from .statistical_tests import ks_test
from .statistical_tests.ks_distribution import (
    LARGE_SAMPLE,
    MEDIUM_SAMPLE,
    SMALL_SAMPLE,
    kolmogorov_sf,
)

ROWS = 4000
TEXT = "text"
WORDS = MOST_CATEGORIES + 5
"""More than have a share of their own in a picture."""
SAMPLES = (SMALL_SAMPLE, MEDIUM_SAMPLE, LARGE_SAMPLE, LARGE_SAMPLE + 1)
SLICES = {"positive": "even > 0", "first": f"{TEXT} = 'word 0'"}
INDICES = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
)
"""Types of the codes of a dictionary; each library has its own."""
DISTANCES = (0.001, 0.02, 0.2)
"""Narrow, usual and wide gaps between distribution functions, whose p-values come from different formulas."""


def warm() -> None:
    """Run every detector once, and every method over small windows: even and uneven numbers, kept and not."""
    random = np.random.default_rng(0)
    spreads = {"even": random.random(ROWS), "heavy": random.standard_cauchy(ROWS)}
    _warm_methods(_table(spreads, 0.0), _table(spreads, 0.5))
    _warm_dictionaries()
    _warm_ks(spreads)
    _warm_trees(random)
    _warm_detectors(random)


def _warm_methods(reference: pa.Table, window: pa.Table) -> None:
    plan, fitted = EvaluationPlan(methods=DEFAULT_LIMITS), _baseline(reference)
    sliced = fitted.with_slices(SLICES, reference)
    stored = Baseline.from_bytes(fitted.to_bytes())
    for each in (fitted, stored, fitted.without_values(), sliced):
        # windows of the reference's size, and of another, take different paths to a p-value
        for rows in (ROWS, ROWS - 1):
            evaluate(each, window.slice(0, rows), plan, drawing=Drawing(frames=each.frames))
        profile = each.profile(window.to_batches())
        for counted in (profile, profile_from_bytes(profile_to_bytes(profile))):
            evaluate_profile(each, counted, plan, drawing=Drawing(frames=each.frames))
    # Once is enough: to name faults takes longer than all else here.
    evaluate(fitted, window, replace(plan, names_faults=True))


def _baseline(reference: pa.Table) -> Baseline:
    kinds = dict.fromkeys(reference.column_names, FeatureKind.NUMERIC)
    return Baseline.fit(reference, kinds | {TEXT: FeatureKind.CATEGORICAL})


def _warm_dictionaries() -> None:
    for dtype in INDICES:
        count_categories(pa.DictionaryArray.from_arrays(pa.array([0, 1], dtype), ["a", "b"]))


def _warm_ks(spreads: Mapping[str, FloatArray]) -> None:
    for values in (*spreads.values(), np.round(spreads["heavy"])):
        ks_test(values, values + 1.0)
    for rows, distance in product(SAMPLES, DISTANCES):
        kolmogorov_sf(distance, rows)


def _warm_trees(random: np.random.Generator) -> None:
    """Ask one tree of one leaf, without scikit-learn, which would have to learn it."""
    node, value = np.zeros(1, np.int64), np.zeros(1)
    tree = Trees(
        base=value,
        roots=node,
        features=node - 1,
        thresholds=value,
        lefts=node,
        rights=node,
        unknown_left=node > 0,
        values=value,
    )
    tree.predict(random.random((ROWS, 2)))


def _warm_detectors(random: np.random.Generator) -> None:
    Averaging(each=7).take(random.random(ROWS))
    for method in ConceptMethod:
        new_detector(method).update_many(np.repeat([0.0, 1.0], ROWS))


def _table(spreads: Mapping[str, FloatArray], shift: float) -> pa.Table:
    """Numbers as Arrow lends them, read-only, and with nulls, as it copies them; and text."""
    moved = {name: values + shift for name, values in spreads.items()}
    gaps = {f"{name}_gaps": pa.array([None, *values[1:]]) for name, values in moved.items()}
    text = pa.array([f"word {place % WORDS}" for place in range(ROWS)]).dictionary_encode()
    return pa.table({**moved, **gaps, TEXT: text})


if __name__ == "__main__":
    warm()
