"""Defines a baseline's reference of one feature, and counts windows of that feature against it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import BoolArray, CodeArray, FloatArray, IntArray
from .categories import (
    distinct_categories,
    encode_categories,
    name_categories,
)
from .category_places import CategoryPlaces
from .columns import FeatureKind, to_float64
from .decimals import read_as_before
from .errors import RetypedColumn
from .grid import Grid, usual_range
from .identity import find_writings, name_values, reads_as
from .kernels import moments
from .kernels.cell_values import take_cells
from .kernels.cells import BLOCK, Lookup
from .kernels.moments import no_moments, profile_column, sum_moments
from .origins import distances_from, with_origin
from .profiles import CategoricalProfile, Column, Moments, NumericProfile, NumericSummary
from .spreading import RoundedNumbers
from .sums import ExactSum
from .value_samples import ValueSample
from .value_types import (
    FLOATS,
    NARROW_FLOATS,
    ValueType,
    are_comparable,
    shared_bits,
    value_type_of,
    words_of,
)

BINNED_CELLS = 4000
ROUNDED = frozenset({ValueType.FLOAT64, ValueType.FLOAT32, ValueType.DECIMAL})
"""Types whose categories a window of narrower floats holds rounded."""

SUMMARY_PLACES = ("minimum", "maximum", "mean")
"""Figures of a summary that move with the origin; the standard deviation does not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NumericReference:
    """A numeric feature of the reference window.

    Attributes:
        name: The column it was read from.
        n: Rows with a number, in the whole window.
        nulls: Rows without a value.
        nans: Rows that are not a number.
        infinite: Rows that are ±inf; they are among `n`.
        summary: Of the whole window.
        grid: The cells that windows are counted on.
        bin_edges: Upper ends of all but the last of PSI's cells; a part of the grid's edges.
        counts: Shape (cells,), rows in each cell, of the whole window or of a uniform sample.
        values: Shape (kept,), the counted rows, ascending; None when they are too many to be kept.
        value_type: The type of the values; None in a baseline from before types were kept.
        origin: A whole number that the summary, edges and values are distances from, so that numbers beyond 2^53 stay
            exact; None where floats hold the numbers themselves.
    """

    name: str
    n: int
    nulls: int
    nans: int
    infinite: int
    summary: NumericSummary
    grid: Grid
    bin_edges: FloatArray
    counts: IntArray
    values: FloatArray | None
    value_type: ValueType | None = None
    origin: int | None = None

    kind = FeatureKind.NUMERIC

    @cached_property
    def usable_rows(self) -> int:
        """Rows that a test can use."""
        return int(self.counts.sum())

    @property
    def missing(self) -> int:
        """Rows that no test can use."""
        return self.nulls + self.nans

    @cached_property
    def bin_starts(self) -> IntArray:
        """The first cell of each of PSI's cells."""
        return self.grid.cell_starts(self.bin_edges)

    def without_values(self, bins: int) -> Self:
        """The same reference without its values, on a grid that is coarser, as it need not find exact gaps."""
        if self.values is None:
            return self
        grid = Grid.from_sorted(self.values, bins, BINNED_CELLS)
        counts = count_cells(grid, self.values, self.value_type)
        return replace(self, grid=grid, counts=counts, values=None)

    def values_inside(self, wanted: BoolArray) -> FloatArray:
        """The kept values in the wanted cells, shape (cells,), ascending.

        Raises:
            ValueError: If the values were not kept.
        """
        if self.values is None:
            raise ValueError("The baseline has not kept its values.")
        inside = np.empty(int(self.counts[wanted].sum()))
        take_cells(self.values, self.counts, wanted, inside)
        return inside

    def empty_profile(self) -> NumericProfile:
        """The profile of no rows."""
        return NumericProfile(counts=np.zeros(self.grid.cells, np.int64))

    def profile(
        self, chunk: pa.Array, *, keep_values: bool, keep_sample: bool = False
    ) -> NumericProfile:
        """Count a piece of the current window's column.

        Raises:
            RetypedColumn: If the column holds no numbers.
        """
        profile, _ = self.profile_with_cells(
            chunk, keep_values=keep_values, keep_sample=keep_sample, keep_cells=keep_values
        )
        return profile

    def profile_with_cells(
        self,
        chunk: pa.Array,
        *,
        keep_values: bool,
        keep_sample: bool = False,
        keep_cells: bool = True,
    ) -> tuple[NumericProfile, CodeArray]:
        """The profile of a piece of a column, and each row's cell; that after the last stands for no number.

        Args:
            chunk: The piece.
            keep_values: Whether its numbers stay in the profile.
            keep_sample: Whether a sample of them stays in it.
            keep_cells: Whether the caller needs the cells; they are of a few rows otherwise.

        Raises:
            RetypedColumn: If the column holds no numbers.
        """
        values, found = self.numbers_of(chunk)
        codes = np.empty(len(values) if keep_cells else BLOCK, self.grid.code_type)
        counts, moments = self._count(values, codes, self._bits(found))
        profile = NumericProfile(
            counts=counts[:-1],
            nulls=chunk.null_count,
            nans=int(counts[-1]) - chunk.null_count,
            moments=moments,
            values=((values, codes),) if keep_values else None,
            sample=ValueSample.of(values) if keep_sample else None,
        )
        return profile, codes

    def numbers_of(self, chunk: pa.Array) -> tuple[FloatArray, ValueType]:
        """A piece of a column as the reference holds its own numbers, NaN where there is none, and its type.

        Raises:
            RetypedColumn: If the column holds no numbers.
        """
        if chunk.null_count == len(chunk):  # a column without a value has no type
            chunk = pa.nulls(len(chunk))
        if self.value_type is None:
            chunk = read_as_before(chunk)
        found = value_type_of(chunk.type)
        require_comparable(self.value_type, found, chunk.type)
        return self._read(chunk, found), found

    def _count(
        self, values: FloatArray, codes: CodeArray, bits: int | None
    ) -> tuple[IntArray, Moments]:
        """Count values, NaN in the last cell, with their moments; cells are written to `codes`."""
        counts, found = np.zeros(self.grid.cells + 1, np.int64), no_moments()
        lookup, low, high = self._counting_for(bits)
        profile_column(values, lookup, counts, codes, self.centre, low, high, found)
        return counts, _as_moments(found)

    def _read(self, chunk: pa.Array, found: ValueType) -> FloatArray:
        """A column's numbers as the reference holds its own."""
        if self.origin is None:
            return self._rounded(to_float64(chunk), found)
        if found in FLOATS:
            numbers = to_float64(chunk)
            return self._rounded_numbers(self.origin, found).spread(numbers, self.origin)
        return distances_from(self.origin, chunk)

    def _rounded_numbers(self, origin: int, found: ValueType) -> RoundedNumbers:
        """The reference's numbers as floats of a type; where they were not kept, the greatest of each cell."""
        if found not in self._by_float:
            numbers, rows = self._kept_numbers()
            self._by_float[found] = RoundedNumbers.of(numbers, rows, origin, found)
        return self._by_float[found]

    def _kept_numbers(self) -> tuple[FloatArray, IntArray]:
        """Ascending distances from the origin, and the rows of each."""
        if self.values is not None:
            return self.values, np.ones(len(self.values), np.int64)
        ends = np.append(self.grid.edges, _usual_range(None, self.summary.maximum)[1])
        is_whole = self.value_type is ValueType.INTEGER
        return np.floor(ends) if is_whole else ends, self.counts

    @cached_property
    def _by_float(self) -> dict[ValueType, RoundedNumbers]:
        return {}

    def _rounded(self, values: FloatArray, found: ValueType) -> FloatArray:
        """Values in the precision of the reference, where that is narrower than theirs."""
        narrow = {ValueType.FLOAT32: np.float32, ValueType.FLOAT16: np.float16}
        if self.value_type not in narrow or found in (self.value_type, ValueType.FLOAT16):
            return values
        with np.errstate(over="ignore"):
            return values.astype(narrow[self.value_type]).astype(np.float64)

    def _bits(self, found: ValueType) -> int | None:
        """The bits that values of a type agree in; distances from an origin agree in those of its own type."""
        if self.value_type is None:
            return None
        return shared_bits(self.value_type, found if self.origin is None else self.value_type)

    def _counting_for(self, bits: int | None) -> tuple[Lookup, float, float]:
        """The lookup of the grid, and the usual range, for values that are rounded to these bits."""
        if bits not in self._counting:
            grid = self.grid if bits is None else self.grid.loosened(bits)
            low, high = _usual_range(self.summary.minimum, self.summary.maximum)
            self._counting[bits] = (grid.lookup, *usual_range(low, high, bits))
        return self._counting[bits]

    @cached_property
    def _counting(self) -> dict[int | None, tuple[Lookup, float, float]]:
        return {}

    @property
    def centre(self) -> float:
        """The value that moments are taken about."""
        return self.summary.mean or 0.0

    def shown(self, number: float | None) -> float | None:
        """A number of the summary, the grid or the values as people know it, the origin added."""
        return number if self.origin is None else with_origin(self.origin, number)

    def shown_summary(self, summary: NumericSummary) -> NumericSummary:
        """A summary of this reference, or of a window that was counted against it, as people know it."""
        if self.origin is None:
            return summary
        places = {name: self.shown(getattr(summary, name)) for name in SUMMARY_PLACES}
        return replace(summary, **places)


@dataclass(frozen=True, kw_only=True, eq=False)
class CategoricalReference:
    """A categorical feature of the reference window.

    Attributes:
        name: The column it was read from.
        n: Rows with a category.
        nulls: Rows without one.
        categories: The most frequent names, at most 100,000, as an Arrow `large_string` array.
        counts: Shape (k,), rows of each of them, descending.
        other: Rows of all further categories.
        value_type: The type of the values, whose names the categories are; None in a baseline from before types were
            kept.
    """

    name: str
    n: int
    nulls: int
    categories: pa.Array
    counts: IntArray
    other: int
    value_type: ValueType | None = None

    kind = FeatureKind.CATEGORICAL

    @property
    def usable_rows(self) -> int:
        """Rows that a test can use."""
        return self.n

    @property
    def missing(self) -> int:
        """Rows that no test can use."""
        return self.nulls

    def empty_profile(self) -> CategoricalProfile:
        """The profile of no rows."""
        return CategoricalProfile(counts=np.zeros(len(self.counts), np.int64))

    def profile(
        self, chunk: pa.Array, *, keep_values: bool, keep_sample: bool = False
    ) -> CategoricalProfile:
        """Count a piece of the current window's column; there are no values to keep.

        Raises:
            RetypedColumn: If the column holds no categories.
        """
        (found,) = distinct_categories(self._spelt(chunk), self.value_type)
        if self.value_type is ValueType.UNTYPED:
            found = replace(found, categories=self._as_written(found.categories, chunk.type))
        return self.places_of(found.categories, chunk.type).profile(found.counts, found.nulls)

    def places_of(self, names: pa.Array, data_type: pa.DataType) -> CategoryPlaces:
        """The places of the names of a window's column of a type; a name may come again."""
        return CategoryPlaces.of(names, self._categories_as(data_type))

    def names_of(self, chunk: pa.Array) -> tuple[CodeArray, pa.Array]:
        """The code of each row of a column, and the name of each code; the code after the last stands for no value.

        Raises:
            RetypedColumn: If the column holds no categories.
        """
        codes, values = encode_categories(self._spelt(chunk))
        names = name_categories(values, self.value_type)
        if self.value_type is ValueType.UNTYPED and (codes < len(names)).any():
            names = self._as_written(names, chunk.type)
        return codes, names

    def is_retyped(self, profile: CategoricalProfile) -> bool:
        """True if no row of a window holds a value of the reference's type: its numbers became words."""
        names, contract = profile.unseen.counts, self.value_type
        if contract is None or not names or profile.counts.any():
            return False
        return not any(reads_as(name, contract) for name in names)

    def _as_written(self, names: pa.Array, data_type: pa.DataType) -> pa.Array:
        """The names of a window's values as the reference, whose text has no type, writes them.

        Raises:
            RetypedColumn: If the reference writes no such value.
        """
        found = value_type_of(data_type)
        if not len(names) or found is ValueType.TEXT or self._spelt_booleans(data_type):
            return names
        if found not in self._writings:
            self._writings[found] = find_writings(self.categories, found)
        writings = self._writings[found]
        if not writings:
            raise RetypedColumn(
                f"Expected text values, as in the reference, but the column holds {words_of(data_type)}."
            )
        return pa.array([writings.get(name, name) for name in names.to_pylist()], names.type)

    @cached_property
    def _writings(self) -> dict[ValueType, dict[str, str]]:
        """The reference's own words for values of a type, by the names of these values."""
        return {}

    def _spelt_booleans(self, data_type: pa.DataType) -> bool:
        """True if the reference has words for true and false, which name a window's booleans."""
        is_text = self.value_type in (ValueType.TEXT, ValueType.UNTYPED)
        return pa.types.is_boolean(data_type) and is_text and bool(self._spellings)

    def _spelt(self, chunk: pa.Array) -> pa.Array:
        """Booleans as the reference spells them, if it was read from text such as True and False."""
        if not self._spelt_booleans(chunk.type):
            return chunk
        spellings = self._spellings
        true, false = (spellings.get(word, word) for word in ("true", "false"))
        return pc.if_else(chunk, true, false)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """The reference's own words for true and false, by those words; empty if it has others too."""
        spellings = {name.strip().lower(): name for name in self.categories[:3].to_pylist()}
        return spellings if spellings.keys() <= {"true", "false"} else {}

    def _categories_as(self, data_type: pa.DataType) -> pa.Array:
        """The categories, rounded to the type of a window that holds them as narrower floats."""
        found = value_type_of(data_type)
        if found not in self._rounded_categories:
            self._rounded_categories[found] = self.names_as(self.categories, data_type)
        return self._rounded_categories[found]

    def names_as(self, names: pa.Array, data_type: pa.DataType) -> pa.Array:
        """Names of the reference's values as a window of a type writes them: rounded, if it holds narrower floats."""
        found = value_type_of(data_type)
        if found not in NARROW_FLOATS or self.value_type not in ROUNDED:
            return names
        return name_values(pc.cast(names, pa.float64()), found)

    @cached_property
    def _rounded_categories(self) -> dict[ValueType, pa.Array]:
        return {}


type FeatureReference = NumericReference | CategoricalReference


class Window(Protocol):
    """A window of data, read when asked for: a `pyarrow.Table`, or something that reads its columns one by one."""

    @property
    def num_rows(self) -> int: ...

    @property
    def column_names(self) -> list[str]: ...

    def column(self, name: str) -> Column: ...


@runtime_checkable
class ChunkedWindow(Window, Protocol):
    """A window that can read a column piece by piece, so that no more than a piece need be held."""

    def chunks(self, name: str) -> Iterator[pa.Array]: ...


def has_column(window: Window | pa.RecordBatch, name: str) -> bool:
    """True if the window has the column, whether once or more often; Arrow lists no names for that."""
    if isinstance(window, pa.Table | pa.RecordBatch):
        return bool(window.schema.get_all_field_indices(name))
    return name in window.column_names


def chunks_of(window: Window | pa.RecordBatch, name: str) -> Iterable[pa.Array]:
    """A column of a window in pieces, at least one."""
    if isinstance(window, ChunkedWindow):
        return window.chunks(name)
    column = window.column(name)
    if not isinstance(column, pa.ChunkedArray):
        return [column]
    return column.chunks or [pa.array([], column.type)]


def require_comparable(
    contract: ValueType | None, found: ValueType, data_type: pa.DataType
) -> None:
    """Check that a window's column can be compared with the reference.

    Raises:
        RetypedColumn: If its values are of another type.
    """
    if contract is not None and not are_comparable(contract, found):
        raise RetypedColumn(
            f"Expected {contract} values, as in the reference, but the column holds {words_of(data_type)}."
        )


def count_cells(grid: Grid, values: FloatArray, value_type: ValueType | None) -> IntArray:
    """Rows of the reference in each cell, shape (cells,), as windows of the same type are counted."""
    bits = None if value_type is None else shared_bits(value_type, value_type)
    counted = grid if bits is None else grid.loosened(bits)
    return counted.count(values)[0][:-1]


def measure_moments(values: FloatArray, centre: float) -> Moments:
    """Range and sums of the finite values among shape (n,)."""
    found = no_moments()
    sum_moments(values, centre, *_usual_range(None, None), found)
    return _as_moments(found)


def _usual_range(low: float | None, high: float | None) -> tuple[float, float]:
    return -np.inf if low is None else low, np.inf if high is None else high


def _as_moments(found: FloatArray) -> Moments:
    """The moments that `add_moments` found."""
    return Moments(
        finite=int(found[moments.FINITE]),
        minimum=float(found[moments.LEAST]),
        maximum=float(found[moments.GREATEST]),
        distances=ExactSum.of(float(found[moments.DISTANCES])),
        squares=ExactSum.of(float(found[moments.SQUARES])),
        rows_below=int(found[moments.ROWS_BELOW]),
        rows_above=int(found[moments.ROWS_ABOVE]),
        below=ExactSum.of(float(found[moments.BELOW])),
        above=ExactSum.of(float(found[moments.ABOVE])),
    )
