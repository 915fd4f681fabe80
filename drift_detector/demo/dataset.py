"""Stores the demo's data as Parquet, one folder per week."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads

NAME = "flights"
DRAFT = ".flights.draft"  # sources don't look into folders that begin with a dot


def write_weeks(table: pa.Table, folder: Path) -> Path:
    """Write `folder/flights/week=2013-01-07/part-0.parquet` and so on, all of it or nothing.

    Args:
        table: With the date of each row's Monday as `week`, which becomes the folder's name.
        folder: Where `flights` is made; it must not be there yet.
    """
    draft = folder / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    pads.write_dataset(
        table,
        draft,
        format="parquet",
        partitioning=pads.partitioning(pa.schema([table.schema.field("week")]), flavor="hive"),
        basename_template="part-{i}.parquet",
        use_threads=False,  # keeps the rows in order
    )
    return draft.rename(dataset_folder(folder))


def dataset_folder(folder: Path) -> Path:
    """The folder into which `write_weeks` writes the data."""
    return folder / NAME
