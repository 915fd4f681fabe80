"""The peers' side of each comparison: evidently, polars and scipy on the same rows."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from scipy import stats

os.environ["DO_NOT_TRACK"] = "1"  # before Evidently is imported

type Work = Callable[[], object]


def evidently(reference: Path, current: Path, **options: Any) -> Work:
    """Evidently's data drift preset over two Parquet files, frames made beforehand: its numerics and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Dataset, Report
        from evidently.presets import DataDriftPreset
    columns = options.pop("columns", None)
    frames = [
        Dataset.from_pandas(pq.read_table(path, columns=columns).to_pandas())
        for path in (current, reference)
    ]

    def check() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Report([DataDriftPreset(**options)]).run(*frames).dict()

    return check


def polars_sums(path: Path, numbers: list[str], texts: list[str]) -> Work:
    """A polars scan that sums every column: numbers as they are, texts by their lengths."""
    sums = [pl.col(name).sum() for name in numbers] + [
        pl.col(name).str.len_bytes().sum() for name in texts
    ]
    return lambda: pl.scan_parquet(path).select(sums).collect()


def river(kind: Callable[[], Any], stream: list[float]) -> Work:
    """Where one of river's detectors sees drift in a stream: its answer is read after each observation."""

    def watch() -> object:
        detector, drifts = kind(), []
        for position, value in enumerate(stream):
            detector.update(value)
            if detector.drift_detected:
                drifts.append(position)
        return drifts

    return watch


def scipy_ks(left: Any, right: Any) -> Work:
    """scipy's two-sample Kolmogorov–Smirnov test."""
    return lambda: stats.ks_2samp(left, right)
