"""`make bench`: one check of a window, next to its peers on the same rows."""

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan, Method, psi_limits
from algorithms.statistical_tests import chi_squared, ks_test
from monitors.sources import SourcePolicy, read_window

REPEATS = 5
NUMERIC, CATEGORICAL = 20, 4
CHECKS: list[tuple[str, EvaluationPlan, dict[str, str]]] = [
    ("check from Parquet: PSI, KS and chi-squared; peer: evidently's drift preset", EvaluationPlan(), {}),
    (
        "check from Parquet: PSI; peer: evidently's drift preset with PSI",
        EvaluationPlan(methods={Method.PSI: psi_limits()}),
        {"method": "psi"},
    ),
]


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        reference, current = (_write(Path(folder) / name, random, rows) for name in ("reference", "current"))
        policy = SourcePolicy(allowed_roots=(folder,))
        print(f"{rows:,} rows, {NUMERIC} numeric and {CATEGORICAL} categorical columns; median of {REPEATS}, warm\n")
        print("| work | ours | peer | ratio |\n|---|---|---|---|")
        for title, plan, preset in CHECKS:
            _row(title, _ours(reference, current, policy, plan), _evidently(reference, current, **preset))
        left, right = random.normal(size=rows), random.normal(size=rows)
        _row("ks_test; peer: scipy.stats.ks_2samp", lambda: ks_test(left, right), lambda: stats.ks_2samp(left, right))
        names = pa.array(random.choice(["a", "b", "c", "d"], rows))
        _row("chi_squared on text; peer: numpy.unique and scipy", lambda: chi_squared(names, names), _scipy_chi(names))


def _write(path: Path, random: np.random.Generator, rows: int) -> Path:
    columns = {f"n{i}": random.normal(size=rows) for i in range(NUMERIC)}
    names = {f"c{i}": random.choice([f"name-{j}" for j in range(20)], rows) for i in range(CATEGORICAL)}
    file = path.with_suffix(".parquet")
    pq.write_table(pa.table(columns | names), file)
    return file


def _ours(reference: Path, current: Path, policy: SourcePolicy, plan: EvaluationPlan) -> Callable[[], object]:
    table = pq.read_table(reference)
    kinds = {name: FeatureKind.NUMERIC if name[0] == "n" else FeatureKind.CATEGORICAL for name in table.column_names}
    baseline = Baseline.fit(table, kinds, max_rows=table.num_rows)
    return lambda: evaluate(baseline, read_window(str(current), policy), plan)


def _evidently(reference: Path, current: Path, **options: str) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Dataset, Report
        from evidently.presets import DataDriftPreset

    def check() -> object:
        frames = [Dataset.from_pandas(pq.read_table(path).to_pandas()) for path in (current, reference)]
        return Report([DataDriftPreset(**options)]).run(*frames).dict()

    return check


def _scipy_chi(names: pa.Array) -> Callable[[], object]:
    values = names.to_numpy(zero_copy_only=False).astype(str)

    def peer() -> object:
        counts = [np.unique(values, return_counts=True)[1] for _ in range(2)]
        return stats.chi2_contingency(np.vstack(counts), correction=False)

    return peer


def _row(work: str, ours: Callable[[], object], peer: Callable[[], object]) -> None:
    fast, slow = _median_seconds(ours), _median_seconds(peer)
    print(f"| {work} | {fast * 1e3:.1f} ms | {slow * 1e3:.1f} ms | {slow / fast:.1f}× |")


def _median_seconds(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
