"""Count the files of a window: those that were read, and those that were skipped."""

from dataclasses import dataclass
from typing import Self

import pyarrow.dataset as pads

from monitors.sources.formats import SkippedFile
from monitors.sources.pruning import NarrowedDataset


@dataclass(frozen=True, slots=True)
class FileCounts:
    """The files behind a window.

    Attributes:
        found: Files of the URI, those that are skipped included; hidden ones do not count.
        read: Files that are read for the window: those that neither folders, footers nor statistics
            show to be without rows of it.
        skipped: Files of the folder that are no part of the dataset.
    """

    found: int
    read: int
    skipped: tuple[SkippedFile, ...] = ()

    @classmethod
    def of(cls, narrowed: NarrowedDataset) -> Self:
        """The counts of a window that has been pruned."""
        dataset = narrowed.dataset
        return cls(
            found=len(dataset.files) + len(dataset.skipped),
            read=_count_read(narrowed),
            skipped=dataset.skipped,
        )


def _count_read(narrowed: NarrowedDataset) -> int:
    if not narrowed.dataset.format.has_row_groups:
        return len(narrowed.fragments)
    return sum(map(_has_rows, narrowed.fragments))


def _has_rows(fragment: pads.Fragment) -> bool:
    return any(group.num_rows for group in fragment.row_groups)
