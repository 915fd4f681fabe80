"""Our side of each comparison."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.evaluation import evaluate
from algorithms.methods import DEFAULT_LIMITS, Method
from algorithms.plan import EvaluationPlan
from monitors.sources import SourcePolicy, WindowSpec, describe, open_window
from tests.bench.windows import CATEGORIES


def policy_of(path: Path) -> SourcePolicy:
    """Leave to read the folder that the file is in."""
    return SourcePolicy(allowed_roots=(str(path.parent),))


def fit(path: Path, *, is_exact: bool, columns: list[str] | None = None) -> Baseline:
    """The baseline of a file; for exact KS its sorted numbers are kept, however many."""
    policy = policy_of(path)
    types = describe(str(path), policy).columns
    kinds = {name: guess_kind(types[name]) or FeatureKind.CATEGORICAL for name in columns or types}
    with open_window(WindowSpec(str(path), policy, list(kinds))) as window:
        baseline = Baseline.fit(window, kinds, max_rows=window.num_rows)
    return baseline if is_exact else baseline.without_values()


def with_slices(baseline: Baseline, path: Path) -> Baseline:
    """The baseline of a file with a slice for each category of its first text."""
    wheres = {f"slice {each}": f"c0 = 'name-{each}'" for each in range(CATEGORIES)}
    with open_window(WindowSpec(str(path), policy_of(path), list(baseline.features))) as window:
        return baseline.with_slices(wheres, window)


def check(
    baseline: Baseline, path: Path, *methods: Method, threads: int = 2
) -> Callable[[], object]:
    """One check of a file, opened, read and judged anew each time."""
    plan = EvaluationPlan(methods={method: DEFAULT_LIMITS[method] for method in methods})
    policy, names = policy_of(path), list(baseline.features)

    def run() -> object:
        with open_window(WindowSpec(str(path), policy, names)) as window:
            return evaluate(baseline, window, plan, threads=threads)

    return run


def read(path: Path, names: list[str], *, threads: int = 2) -> Callable[[], object]:
    """Reading the columns of a file, as a check does, and nothing else."""
    policy = policy_of(path)

    def run() -> object:
        with (
            open_window(WindowSpec(str(path), policy, names)) as window,
            ThreadPoolExecutor(threads) as pool,
        ):
            return sum(pool.map(lambda name: len(window.column(name)), names))

    return run


def peak_memory(reference: Path, current: Path) -> tuple[float, float]:
    """Peak resident MiB of a process that makes one check, and of the same process before it reads anything.

    The median of three processes: how much an allocator keeps for later differs from one to the next.
    """
    script = "from tests.bench.checks import _measure; import sys; _measure(*sys.argv[1:])"
    stored = reference.with_suffix(".baseline")
    stored.write_bytes(fit(reference, is_exact=False).to_bytes())
    command = [sys.executable, "-c", script, str(stored), str(current)]
    runs = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        for _ in range(3)
    ]
    return median(float(peak) for _, peak in runs), median(float(before) for before, _ in runs)


def _measure(stored: str, current: str) -> None:
    before = _peak()
    baseline = Baseline.from_bytes(Path(stored).read_bytes())
    check(baseline, Path(current), Method.KS, Method.PSI, Method.CHI_SQUARED)()
    print(before, _peak())


def _peak() -> float:
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return next(
        int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")
    )
