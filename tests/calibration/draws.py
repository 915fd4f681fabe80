"""Windows without drift, from seeded distributions, and the runs that are made of them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.evaluation import evaluate
from algorithms.method_results import MethodResult
from algorithms.methods import DEFAULT_LIMITS, FEATURE_METHODS
from algorithms.plan import EvaluationPlan

type Random = np.random.Generator
type Column = npt.NDArray[np.float64] | npt.NDArray[np.str_]

EVERY = EvaluationPlan(methods={each: DEFAULT_LIMITS[each] for each in FEATURE_METHODS})


def categories(count: int) -> Callable[[Random, int], Column]:
    """Text of so many categories, with Zipf's shares."""
    shares = 1 / np.arange(1, count + 1)
    names = np.array([f"name-{each}" for each in range(count)])
    return lambda random, rows: random.choice(names, rows, p=shares / shares.sum())


def autocorrelated(random: Random, rows: int) -> Column:
    """A first-order autoregression with coefficient 0.9: neighbours are alike, so rows tell less than they seem to."""
    noise, values = random.normal(size=rows), np.empty(rows)
    values[0] = noise[0] / (1 - 0.81) ** 0.5
    for row in range(1, rows):
        values[row] = 0.9 * values[row - 1] + noise[row]
    return values


DISTRIBUTIONS: dict[str, Callable[[Random, int], Column]] = {
    "normal": lambda random, rows: random.normal(size=rows),
    "heavy tails (Cauchy)": lambda random, rows: random.standard_cauchy(size=rows),
    "90 % zeros": lambda random, rows: np.where(
        random.random(rows) < 0.9, 0.0, random.lognormal(size=rows)
    ),
    "counts (Poisson 2)": lambda random, rows: random.poisson(2, rows).astype(np.float64),
    "2 categories": categories(2),
    "20 categories": categories(20),
    "200 categories": categories(200),
}


def run(
    reference: dict[str, Column], current: dict[str, Column], plan: EvaluationPlan
) -> list[MethodResult]:
    """One check of columns against columns."""
    before, after = pa.table(dict(reference)), pa.table(dict(current))
    kinds = {
        field.name: guess_kind(field.type) or FeatureKind.CATEGORICAL for field in before.schema
    }
    return evaluate(Baseline.fit(before, kinds), after, plan, threads=1)


def mixed(random: Random, rows: int) -> dict[str, Column]:
    """Twenty features: the distributions above, each several times."""
    makers = list(DISTRIBUTIONS.values())
    return {f"f{each}": makers[each % len(makers)](random, rows) for each in range(20)}
