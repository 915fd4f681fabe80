"""Files that the benchmarks read, made from a seed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 0
CATEGORIES = 20


def write(
    path: Path,
    rows: int,
    *,
    seed: int,
    numbers: int = 50,
    texts: int = 10,
    categories: int = CATEGORIES,
) -> Path:
    """A Parquet file of normal and lognormal numbers, in turn, and of text; the first number drifts with the seed."""
    random = np.random.default_rng(seed)
    names = pa.array([f"name-{each}" for each in range(categories)])
    columns: dict[str, object] = {}
    for each in range(numbers):
        columns[f"n{each}"] = (
            random.lognormal(size=rows) if each % 2 else random.normal(size=rows) + 0.01 * seed
        )
    for each in range(texts):
        codes = pa.array(random.integers(0, categories, rows).astype(np.int32))
        columns[f"c{each}"] = pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
    pq.write_table(pa.table(columns), path)
    return path
