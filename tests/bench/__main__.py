"""`make bench`: what a check costs, next to its peers on the same rows; prints the tables and writes them into docs.

`--rows N` makes the large windows smaller, for a quick look; nothing is written then. `--only pages` measures pages,
`--only scale` writes docs/scaling.md; neither is part of a run without `--only`. `--gate` fails if a ratio is more than
a third below what is asked for.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import django
import numpy as np
from river import drift

from algorithms.arrays import FloatArray
from algorithms.concept_drift.adwin import ADWIN
from algorithms.concept_drift.ddm import DDM, EDDM
from algorithms.concept_drift.detector import Detector
from algorithms.methods import Method
from algorithms.statistical_tests import ks_test
from algorithms.warm import warm
from tests.bench import peers, windows
from tests.bench.checks import check, fit, peak_memory, read, with_slices
from tests.bench.timing import Row, compare
from tests.document import replace_measured

SCALING = Path(__file__).parents[2] / "docs" / "scaling.md"
DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
PAGES = "## Pages"
LARGE = 1_000_000
NUMBERS, TEXTS = [f"n{each}" for each in range(50)], [f"c{each}" for each in range(10)]
DEFAULT = (Method.KS, Method.PSI, Method.CHI_SQUARED)
STREAMED = {"AUMOS_DRIFT_DATA__STREAM_BYTES": "1", "AUMOS_DRIFT_DATA__PART_BYTES": "1000000"}
"""With these a window of the benchmarks' size is divided between workers, as one of many gigabytes would be."""
QUIET = {"AUMOS_DRIFT_LOG__LEVEL": "WARNING"}
SETTINGS = {"scale": {}, "pages": QUIET}
WIDE_QUOTAS = {
    f"AUMOS_DRIFT_QUOTAS__{name}": str(2**60)
    for name in ("RUNS_PER_DAY", "OUTCOME_ROWS_PER_DAY", "BYTES_READ_PER_DAY", "STORAGE_BYTES")
}
"""A measurement does in a minute what a tenant does in days."""
HEAD = "| work | ours | peer | ratio | at least | reach | |\n|---|---|---|---|---|---|---|"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=LARGE)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--only", choices=["checks", "detectors", "ingest", "scale", "pages"])
    options = parser.parse_args()
    warm()
    _set_up(SETTINGS.get(options.only, STREAMED))
    if options.only == "scale":
        _scale(10 * options.rows)
        return
    if options.only == "pages":
        _pages(options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(HEAD, flush=True)
        rows, lines = [], [HEAD]
        for row in _rows(Path(folder), options.rows, options.only):
            rows.append(row)
            lines.append(row.as_markdown())
            print(lines[-1], flush=True)
        if options.only in (None, "checks"):
            lines += ["", _memory(Path(folder), options.rows)]
            print("\n".join(lines[-2:]), flush=True)
    if options.only in (None, "ingest"):
        from tests.bench.ingest import measure_ingest

        lines += ["", "## Outcomes by the API", ""]
        for line in measure_ingest(10 * options.rows):
            lines.append(line)
            print(line, flush=True)
    if options.rows == LARGE and options.only is None:
        _write_before_pages(_document("\n".join(lines)))
    if options.gate and (slow := [row.work for row in rows if row.falls_short_of(2 / 3)]):
        sys.exit(f"Too slow: {'; '.join(slow)}")


def _scale(runs: int) -> None:
    """Write what the service does at scale into its own document; half an hour, so only when it is asked for."""
    from tests.bench.ledger import measure_ledger
    from tests.bench.runs import measure_runs
    from tests.bench.schedule import measure_schedule

    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (measure_runs(Path(folder)), measure_ledger(runs), measure_schedule()):
            for line in part:
                lines.append(line)
                print(line, flush=True)
            lines.append("")
    if runs == 10 * LARGE:
        replace_measured(SCALING, "\n".join(lines))


def _pages(runs: int) -> None:
    """Write how long the pages take into their own section; some minutes, so only when it is asked for."""
    from tests.bench.pages import FEW_ROUNDS, MONITORS, ROUNDS, measure_pages

    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        rounds = ROUNDS if runs == LARGE else FEW_ROUNDS
        each = max(runs // MONITORS, 50)
        for line in measure_pages(Path(folder), runs_each=each, rounds=rounds):
            lines.append(line)
            print(line, flush=True)
    if runs == LARGE:
        before = DOCUMENT.read_text().partition(PAGES)[0]
        DOCUMENT.write_text(before.rstrip() + "\n\n" + PAGES + "\n\n" + "\n".join(lines) + "\n")


def _write_before_pages(text: str) -> None:
    """Write the document; the section about pages, which is its last, stays as it was measured."""
    _, heading, rest = DOCUMENT.read_text().partition(PAGES)
    DOCUMENT.write_text(f"{text}\n{heading}{rest}" if heading else text)


def _rows(folder: Path, rows: int, only: str | None) -> Iterator[Row]:
    if only in (None, "checks"):
        yield from _checks(folder, rows)
    if only in (None, "detectors"):
        yield from _detectors(rows)


def _detectors(rows: int) -> Iterator[Row]:
    stream = (np.random.default_rng(windows.SEED).random(rows) < 0.1).astype(np.float64)
    for kind, peer, least, reach in (
        (ADWIN, drift.ADWIN, 15, 19), (DDM, drift.binary.DDM, 45, 55), (EDDM, drift.binary.EDDM, 55, 70),
    ):  # fmt: skip
        yield compare(
            f"{kind.__name__} over {rows:,} errors; peer: river's", partial(_watch, kind, stream),
            peers.river(peer, stream.tolist()), least=least, reach=reach, rounds=9, peer_rounds=3,
        )  # fmt: skip


def _watch(kind: type[Detector], stream: FloatArray) -> object:
    return kind().update_many(stream)


def _checks(folder: Path, rows: int) -> Iterator[Row]:
    reference, current = (
        windows.write(folder / f"{name}.parquet", rows, seed=n) for n, name in enumerate("rc")
    )
    size = f"{rows:,} rows"
    binned = fit(reference, is_exact=False)
    whole = check(binned, current, *DEFAULT)
    yield compare(
        f"check of {size} × (50 + 10) from Parquet: PSI, KS, chi-squared; peer: evidently's preset with PSI",
        whole, peers.evidently(reference, current, method="psi"), least=400, reach=600, rounds=9,
    )  # fmt: skip
    yield compare(
        "the same; peer: a polars scan that sums every column",
        whole, peers.polars_sums(current, NUMBERS, TEXTS), least=1 / 2, reach=1 / 1.5, rounds=9, peer_rounds=9,
    )  # fmt: skip
    yield compare(
        "the same on 2 threads; peer: on 1", whole, check(binned, current, *DEFAULT, threads=1),
        least=1.5, reach=1.7, rounds=9, peer_rounds=9,
    )  # fmt: skip
    yield compare(
        f"the same with {windows.CATEGORIES} slices of 5 % of the rows; peer: with none",
        check(with_slices(binned, reference), current, *DEFAULT), whole, least=1 / 2.5, reach=1 / 2, rounds=9,
        peer_rounds=9,
    )  # fmt: skip
    exact = fit(reference, is_exact=True, columns=NUMBERS)
    yield compare(
        f"exact KS of 50 columns of {size} from Parquet; peer: evidently's preset with KS",
        check(exact, current, Method.KS),
        peers.evidently(reference, current, method="ks", columns=NUMBERS), least=100, reach=200,
    )  # fmt: skip
    yield _workers(reference, current)
    yield from _single_columns(folder, rows)
    small = [windows.write(folder / f"s{n}.parquet", 100_000, seed=n, texts=0) for n in (0, 1)]
    few = check(fit(small[0], is_exact=True), small[1], *DEFAULT)
    yield compare(
        "check of 100,000 rows × 50 from Parquet, exact KS and PSI; peer: evidently's preset",
        few, peers.evidently(*small), least=100, reach=200, rounds=15,
    )  # fmt: skip
    yield compare(
        "the same (30 ms asked for, 20 reached for); peer: reading its columns, and nothing else",
        few, read(small[1], NUMBERS), rounds=15, peer_rounds=15,
    )  # fmt: skip


def _set_up(settings: Mapping[str, str]) -> None:
    # The settings are read once, so these come before Django.
    os.environ["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] = json.dumps([tempfile.gettempdir()])
    os.environ["DJANGO_SETTINGS_MODULE"] = "drift_detector.settings"
    os.environ |= {**settings, **WIDE_QUOTAS}
    django.setup()
    owner = os.environ | {"AUMOS_DRIFT_DATABASE__URL": os.environ["DRIFT_OWNER_URL"]}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=owner, check=True
    )


def _workers(reference: Path, current: Path) -> Row:
    from tests.bench.workers import fan_out

    return fan_out(reference, current)


def _single_columns(folder: Path, rows: int) -> Iterator[Row]:
    random = np.random.default_rng(windows.SEED)
    left = random.normal(size=rows)
    for shift in (0.0, 0.01):
        right = random.normal(size=rows) + shift
        yield compare(
            f"one exact KS, {rows:,} against {rows:,} unsorted, shifted by {shift:g} σ; peer: scipy's ks_2samp",
            partial(ks_test, left, right), peers.scipy_ks(left, right), least=60, reach=75,
            rounds=31, peer_rounds=5,
        )  # fmt: skip
    long = [
        windows.write(folder / f"l{n}.parquet", 10 * rows, seed=n, numbers=1, texts=0)
        for n in (0, 1)
    ]
    yield compare(
        f"PSI of {10 * rows:,} rows from Parquet; peer: evidently's PSI",
        check(fit(long[0], is_exact=False), long[1], Method.PSI), peers.evidently(*long, method="psi"),
        least=250, reach=400,
    )  # fmt: skip
    short = windows.write(folder / "l2.parquet", rows, seed=1, numbers=1, texts=0)
    yield compare(
        f"the same; peer: PSI of {rows:,} rows, ten times",
        check(fit(long[0], is_exact=False), long[1], Method.PSI),
        _repeated(10, check(fit(long[0], is_exact=False), short, Method.PSI)), least=0.9, reach=1, rounds=9,
        peer_rounds=9,
    )  # fmt: skip
    for categories, reach in ((20, 25), (100_000, 50)):
        texts = [
            windows.write(
                folder / f"t{n}.parquet", rows, seed=n, numbers=0, texts=1, categories=categories
            )
            for n in (0, 1)
        ]
        yield compare(
            f"chi-squared of {rows:,} strings of {categories:,} categories from Parquet; peer: evidently's",
            check(fit(texts[0], is_exact=False), texts[1], Method.CHI_SQUARED),
            peers.evidently(*texts, method="chisquare"), least=25, reach=reach,
        )  # fmt: skip


def _repeated(times: int, work: Callable[[], object]) -> Callable[[], object]:
    return lambda: [work() for _ in range(times)]


def _memory(folder: Path, rows: int) -> str:
    peak, before = peak_memory(folder / "r.parquet", folder / "c.parquet")
    return (
        f"Peak memory of a process that makes the first check of {rows:,} rows × (50 + 10): {peak:.0f} MiB, "
        f"{before:.0f} MiB of it before anything is read (at most 400 is asked for, 300 reached for)."
    )


def _document(text: str) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return (
        "# Benchmarks\n\nWritten by `make bench`; nothing here is typed by hand. Each row measures ours and the peer's "
        f"in one run on one machine ({machine}), warm, the median of several rounds (a peer that takes minutes runs "
        "once). The ratio is the peer's time over ours. Ours opens and reads the Parquet file each time; evidently "
        f"is given its frames ready made.\n\n{text}\n"
    )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
