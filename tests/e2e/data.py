"""Data that is large for a worker and small for a disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FILES, ROWS = 100, 500_000


def write_many_rows(folder: Path) -> Path:
    """Make a folder of files that take a worker some seconds, on the space of one."""
    folder.mkdir()
    random = np.random.default_rng(0)
    columns = {f"n{each}": random.normal(size=ROWS) for each in range(4)}
    pq.write_table(pa.table(columns), folder / "0.parquet")
    for each in range(1, FILES):
        (folder / f"{each}.parquet").hardlink_to(folder / "0.parquet")
    return folder
