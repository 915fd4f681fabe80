"""False alarms and power by simulation."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy import stats

from algorithms.methods import Method, significance_limits
from algorithms.plan import EvaluationPlan
from tests.calibration.draws import DISTRIBUTIONS, EVERY, Column, autocorrelated, mixed, run

LEVEL = 0.05
SIZES = ((50, 50), (1000, 1000), (20_000, 500), (20_000, 20_000))
SHIFTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)


def level_rows(draws: int, seed: int = 1) -> Iterator[list[str]]:
    """How often each test's own p-value is at or below 5 %, and its verdict drift, on one feature without drift."""
    for name, make in DISTRIBUTIONS.items():
        for n, m in SIZES:
            random = np.random.default_rng([seed, n, m])
            found: dict[Method, list[tuple[bool, bool]]] = {}
            for _ in range(draws):
                for outcome in run({"x": make(random, n)}, {"x": make(random, m)}, EVERY):
                    for detail in outcome.details:
                        if detail.p_value is not None:
                            is_low = detail.p_value <= LEVEL
                            found.setdefault(Method(outcome.method), []).append(
                                (is_low, outcome.is_drifted)
                            )
            for method, seen in found.items():
                alarms, drifts = np.mean(seen, axis=0)
                yield [
                    name,
                    f"{n:,}",
                    f"{m:,}",
                    method.value,
                    _share(alarms),
                    _share(drifts),
                    str(len(seen)),
                ]


def whole_run_rows(draws: int, peer_draws: int, seed: int = 2) -> Iterator[list[str]]:
    """Runs of twenty features without drift: our verdict, and what Evidently flags on the first of these draws."""
    for n, m in SIZES:
        random = np.random.default_rng([seed, n, m])
        ours, theirs = 0, []
        for draw in range(draws):
            before, after = mixed(random, n), mixed(random, m)
            ours += any(outcome.is_drifted for outcome in run(before, after, EvaluationPlan()))
            if draw < peer_draws:
                theirs.append(evidently_flags(before, after))
        low, high = stats.binomtest(ours, draws).proportion_ci(method="exact")
        flagged, halves = (
            np.mean([flags > 0 for flags in theirs]),
            np.mean([flags >= 10 for flags in theirs]),
        )
        shares = [
            f"{_share(ours / draws)} ({_share(low)}–{_share(high)})",
            str(draws),
            _share(flagged),
            _share(halves),
        ]
        yield [f"{n:,}", f"{m:,}", *shares, str(peer_draws)]


def autocorrelated_rows(draws: int, seed: int = 3) -> Iterator[list[str]]:
    """One autocorrelated feature without drift: no test that takes rows for independent keeps its level."""
    for rows in (500, 5000):
        random = np.random.default_rng([seed, rows])
        low = drifts = 0
        for _ in range(draws):
            outcome = run(
                {"x": autocorrelated(random, rows)},
                {"x": autocorrelated(random, rows)},
                EvaluationPlan(),
            )[0]
            low += (outcome.p_value or 0) <= LEVEL
            drifts += outcome.is_drifted
        yield [f"{rows:,}", _share(low / draws), _share(drifts / draws), str(draws)]


def large_rows(draws: int, seed: int = 4) -> Iterator[list[str]]:
    """A million rows: a shift that matters to nobody is no drift, one that may is."""
    for shift in (0.0, 0.005, 0.1, 0.3):
        random = np.random.default_rng([seed, int(shift * 1000)])
        verdicts = dict.fromkeys(("default", "tolerance 0.1", "p"), 0)
        for _ in range(draws):
            before, after = random.normal(size=10**6), random.normal(size=10**6) + shift
            for name, plan in _large_plans().items():
                outcome = run({"x": before}, {"x": after}, plan)[0]
                verdicts[name] += outcome.is_drifted
            verdicts["p"] += (outcome.p_value or 0) <= LEVEL
        yield [f"{shift:g} σ", *(_share(each / draws) for each in verdicts.values()), str(draws)]


def power_rows(draws: int, seed: int = 5) -> Iterator[list[str]]:
    """The smallest shift of a normal feature found nine times in ten."""
    for rows in (100, 1000, 10_000):
        finders: dict[str, Callable[[Column, Column], bool]] = {
            "ours": lambda before, after: any(
                outcome.is_drifted for outcome in run({"x": before}, {"x": after}, EvaluationPlan())
            ),
            "p": lambda before, after: (
                run({"x": before}, {"x": after}, EvaluationPlan())[0].p_value or 0.0
            ) <= LEVEL,
            "evidently": lambda before, after: evidently_flags({"x": before}, {"x": after}) > 0,
        }  # fmt: skip
        found = [_smallest(finder, rows, draws, seed) for finder in finders.values()]
        yield [f"{rows:,}", *found, str(draws)]


def evidently_flags(before: dict[str, Column], after: dict[str, Column]) -> int:
    """How many columns Evidently's default preset calls drifted."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from evidently import Dataset, Report
        from evidently.presets import DataDriftPreset

        frames = [Dataset.from_pandas(pd.DataFrame(columns)) for columns in (after, before)]
        metrics = Report([DataDriftPreset()]).run(*frames).dict()["metrics"]
    return int(
        next(
            each["value"]["count"]
            for each in metrics
            if "DriftedColumnsCount" in each["metric_name"]
        )
    )


def _large_plans() -> dict[str, EvaluationPlan]:
    coarse = EvaluationPlan(methods={Method.KS: significance_limits(tolerance=0.1)})
    return {"default": EvaluationPlan(), "tolerance 0.1": coarse}


def _smallest(finder: Callable[[Column, Column], bool], rows: int, draws: int, seed: int) -> str:
    for shift in SHIFTS:
        random = np.random.default_rng([seed, rows, int(shift * 1000)])
        pairs = ((random.normal(size=rows), random.normal(size=rows) + shift) for _ in range(draws))
        if sum(finder(before, after) for before, after in pairs) >= 0.9 * draws:
            return f"{shift:g} σ"
    return f"above {SHIFTS[-1]:g} σ"


def _share(value: float) -> str:
    return f"{value:.1%}"
