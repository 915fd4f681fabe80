"""Counts the slices of a window while its columns are read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import add

import numpy as np
import pyarrow as pa

from ..arrays import IntArray
from ..errors import COLUMN_ERRORS, MissingColumn
from ..profiles import FeatureProfile, Profile, Unprofiled
from ..references import FeatureReference, Window, chunks_of, has_column
from .column_counts import ColumnCounts, new_counts
from .matching import ColumnPiece, find_rows, read_column
from .slice_conditions import columns_of
from .slice_details import NOT_FOUND
from .slice_references import SliceReference


@dataclass(eq=False)
class SliceCounter:
    """Finds the rows of each slice once, and counts each column of them as it goes by.

    The columns of the conditions are read first and kept, so that no column is read twice.

    Attributes:
        slices: The slices of the baseline.
        features: The whole's references, by which the columns of conditions are read.
        window: The window, or a batch of it.
    """

    slices: Mapping[str, SliceReference]
    features: Mapping[str, FeatureReference]
    window: Window | pa.RecordBatch
    held: dict[str, list[pa.Array]] = field(default_factory=dict)
    rows: dict[str, IntArray] = field(default_factory=dict)
    unfound: dict[str, Unprofiled] = field(default_factory=dict)
    counted: dict[str, ColumnCounts] = field(default_factory=dict)
    unread: dict[str, Unprofiled] = field(default_factory=dict)

    def __post_init__(self) -> None:
        read: dict[str, list[ColumnPiece]] = {}
        for each in self.slices.values():
            self._find(each, read)

    def _find(self, wanted: SliceReference, read: dict[str, list[ColumnPiece]]) -> None:
        """Find the rows of a slice; a column that cannot be read leaves it with the reason why."""
        try:
            for name in columns_of(wanted.condition):
                if name not in read:
                    read[name] = read_column(self.features[name], self._hold(name))
            self.rows[wanted.name] = find_rows(wanted.condition, read)
        except COLUMN_ERRORS as error:
            self.unfound[wanted.name] = Unprofiled(reason=f"{NOT_FOUND}{error}")

    def _hold(self, name: str) -> list[pa.Array]:
        if not has_column(self.window, name):
            raise MissingColumn(f"The window has no column {name!r}.")
        if name not in self.held:
            self.held[name] = list(chunks_of(self.window, name))
        return self.held[name]

    def profile(self, name: str, *, keep_values: bool, keep_sample: bool = False) -> FeatureProfile:
        """The whole's profile of a column, read piece by piece; each is counted on the slices too.

        Raises:
            RetypedColumn: If the column holds values of another type than the reference.
        """
        whole, cells = self.features[name], self.cells.get(name)
        if cells is None:
            pieces = (
                whole.profile(each, keep_values=keep_values, keep_sample=keep_sample)
                for each in self._chunks(name)
            )
            return reduce(add, pieces)
        counts = new_counts(whole, cells)
        profiles = [
            counts.profile(chunk, chosen, keep_values=keep_values, keep_sample=keep_sample)
            for chunk, chosen in self._with_rows(self._chunks(name))
        ]
        self.counted[name] = counts
        return reduce(add, profiles)

    def _chunks(self, name: str) -> Iterable[pa.Array]:
        held = self.held.get(name)
        return chunks_of(self.window, name) if held is None else held

    def _with_rows(
        self, chunks: Iterable[pa.Array]
    ) -> Iterator[tuple[pa.Array, dict[str, IntArray]]]:
        """Each piece of a column with each slice's rows of it."""
        begin = 0
        for chunk in chunks:
            found = self.rows.items()
            yield chunk, {each: _within(rows, begin, len(chunk)) for each, rows in found}
            begin += len(chunk)

    @cached_property
    def cells(self) -> Mapping[str, FeatureReference]:
        """The references that all slices are counted on: they have the same cells."""
        return next(iter(self.slices.values())).features if self.slices else {}

    def leave_out(self, name: str, unread: Unprofiled) -> None:
        """Note that a column cannot be read to its end."""
        self.unread[name] = unread

    def profiles(self) -> dict[str, Profile]:
        """The profile of each slice, once all columns have gone by."""
        return {name: self._profile_of(each) for name, each in self.slices.items()}

    def _profile_of(self, wanted: SliceReference) -> Profile:
        name = wanted.name
        if name in self.unfound:
            unread = dict.fromkeys(wanted.features, self.unfound[name])
            return Profile(rows=self.window.num_rows, features=unread)
        features = {each: self._feature(name, each) for each in wanted.features}
        return Profile(rows=len(self.rows[name]), features=features)

    def _feature(self, name: str, feature: str) -> FeatureProfile | Unprofiled:
        """The profile of a feature on a slice; of a window without rows, no column goes by."""
        if feature in self.unread:
            return self.unread[feature]
        if feature not in self.counted:
            return self.slices[name].features[feature].empty_profile()
        return self.counted[feature].profile_of(name)


def _within(rows: IntArray, begin: int, count: int) -> IntArray:
    """The places of rows within a piece that begins at a row."""
    first, last = np.searchsorted(rows, [begin, begin + count])
    places: IntArray = rows[first:last]
    return places - begin if begin else places


def count_slices(
    slices: Mapping[str, SliceReference],
    features: Mapping[str, FeatureReference],
    window: Window | Iterable[pa.RecordBatch],
) -> dict[str, SliceReference]:
    """The slices with the counts of a reference window, which is read once more.

    Args:
        slices: Not counted yet.
        features: The whole's references.
        window: The reference window: its columns, or record batches one after the other.
    """
    found = {name: each.empty_profile() for name, each in slices.items()}
    for piece in _pieces(window):
        counted = _count(slices, features, piece)
        found = {name: Profile.merge([each, counted[name]]) for name, each in found.items()}
    return {name: each.counted(found[name]) for name, each in slices.items()}


def _pieces(window: Window | Iterable[pa.RecordBatch]) -> Iterable[Window | pa.RecordBatch]:
    """A window, or its batches."""
    if isinstance(window, Iterable) and not isinstance(window, pa.Table):
        return window
    return [window]


def _count(
    slices: Mapping[str, SliceReference],
    features: Mapping[str, FeatureReference],
    window: Window | pa.RecordBatch,
) -> dict[str, Profile]:
    counter = SliceCounter(slices, features, window)
    for name in features:
        counter.profile(name, keep_values=False)
    return counter.profiles()
