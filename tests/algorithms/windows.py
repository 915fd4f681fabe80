"""Windows of data for the tests: each column a distribution that real tables hold."""

import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind, guess_kind


def mixed_window(rng: np.random.Generator, rows: int) -> pa.Table:
    """Twelve numeric and eight categorical columns, shape (rows, 20)."""
    columns: dict[str, object] = {f"normal{index}": rng.normal(size=rows) for index in range(6)}
    columns |= {f"skewed{index}": rng.exponential(size=rows) for index in range(2)}
    columns |= {
        f"zeros{index}": np.where(rng.random(rows) < 0.9, 0.0, rng.random(rows))
        for index in range(2)
    }
    columns |= {f"count{index}": rng.poisson(2, rows) for index in range(2)}
    columns |= {f"letter{index}": rng.choice(list("abcd"), rows) for index in range(4)}
    columns |= {f"tail{index}": rng.zipf(1.6, rows).astype(str) for index in range(2)}
    columns |= {f"flag{index}": rng.random(rows) < 0.02 for index in range(2)}
    return pa.table(columns)


def kinds_of(table: pa.Table) -> dict[str, FeatureKind]:
    """The guessed kind of each column."""
    kinds = {field.name: guess_kind(field.type) for field in table.schema}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def fit(table: pa.Table, max_rows: int = 10_000_000) -> Baseline:
    """A baseline of the whole table."""
    return Baseline.fit(table, kinds_of(table), max_rows)
