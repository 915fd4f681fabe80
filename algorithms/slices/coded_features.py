"""Codes a feature's rows of two windows by few cells, and lists the conditions that choose unions of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa

from ..arrays import BoolArray, FloatArray, IntArray
from ..references import CategoricalReference, FeatureReference, NumericReference
from .condition_texts import category_text, name_text, number_text
from .matching import contract_of
from .parsing import parse_condition
from .slice_conditions import BadCondition
from .slice_contracts import Contract, check_condition

MOST_CATEGORIES = 20
"""Categories of the reference, and as many new ones, that have a cell of their own."""
FINENESS = 20
"""Edges are rounded to a part of the gap between them, so that conditions are short."""
LONGEST_CATEGORY = 100

type Chunks = Sequence[pa.Array]


@dataclass(frozen=True, slots=True, eq=False)
class Predicate:
    """A condition on one feature.

    Attributes:
        text: As it is written.
        feature: The feature's name.
        cells: Shape (cells,), the cells whose rows it chooses.
    """

    text: str
    feature: str
    cells: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class CodedFeature:
    """A feature of two windows.

    Attributes:
        name: Its name.
        reference: Shape (n,), the cell of each row.
        current: Shape (m,), the same of the current window.
        cells: Cells, the last of which is of rows without a value.
        predicates: The conditions on it.
    """

    name: str
    reference: IntArray
    current: IntArray
    cells: int
    predicates: tuple[Predicate, ...]


def code_feature(reference: FeatureReference, before: Chunks, after: Chunks) -> CodedFeature:
    """A feature in about ten cells of numbers, or by its most frequent categories.

    Args:
        reference: The baseline's reference.
        before: Rows of the reference window.
        after: Rows of the current window.

    Raises:
        RetypedColumn: If a window holds values of another type than the reference.
    """
    if isinstance(reference, NumericReference):
        return _code_numbers(reference, before, after)
    return _code_categories(reference, before, after)


def _code_numbers(reference: NumericReference, before: Chunks, after: Chunks) -> CodedFeature:
    edges = _edges(reference)
    ends = np.array([each.end for each in edges])
    last = len(edges) + 1
    predicates = tuple(_known(reference, _numeric_predicates(reference, edges)))
    return CodedFeature(
        reference.name,
        _cells_of(reference, before, ends, last),
        _cells_of(reference, after, ends, last),
        last + 1,
        predicates,
    )


def _cells_of(
    reference: NumericReference, chunks: Chunks, ends: FloatArray, missing: int
) -> IntArray:
    found = [reference.numbers_of(chunk)[0] for chunk in chunks]
    values = np.concatenate([np.empty(0), *found])
    return np.where(np.isnan(values), missing, np.searchsorted(ends, values))


@dataclass(frozen=True, slots=True)
class _Edge:
    """An upper end of a cell.

    Attributes:
        end: As the reference holds its numbers.
        text: The number as a condition writes it.
        is_below: Whether the cell ends just below the number, whose value has the next cell for itself.
    """

    end: float
    text: str
    is_below: bool


def _edges(reference: NumericReference) -> list[_Edge]:
    """PSI's edges, rounded where no single value stands between two of them."""
    edges = reference.bin_edges[np.isfinite(reference.bin_edges)]
    if not len(edges):
        return []
    starts = np.append(np.nextafter(edges[:-1], np.inf) == edges[1:], False)
    is_single = np.append(False, starts[:-1])
    digits = _digits(edges)
    found = [
        _edge(reference, end, digits, is_below=below, is_exact=below or single)
        for end, below, single in zip(edges.tolist(), starts, is_single, strict=True)
    ]
    kept = [each for each in found if each is not None]
    return [each for place, each in enumerate(kept) if not place or each.end > kept[place - 1].end]


def _digits(edges: FloatArray) -> int:
    """Digits after the point that tell the edges apart many times over."""
    gaps = np.diff(edges)
    wide = gaps[gaps > 1e-9 * np.abs(edges).max()]
    least = float(wide.min()) if len(wide) else max(abs(float(edges[0])), 1.0)
    return int(np.clip(np.ceil(-np.log10(least / FINENESS)), -15, 15))


def _edge(
    reference: NumericReference, end: float, digits: int, *, is_below: bool, is_exact: bool
) -> _Edge | None:
    number = float(np.nextafter(end, np.inf)) if is_below else end
    shown = Decimal(repr(number if is_exact else round(number, digits)))
    shown = shown.to_integral_value() if shown == shown.to_integral_value() else shown
    text = number_text(shown + (reference.origin or 0), contract_of(reference))
    if text is None:
        return None
    return _Edge(end if is_exact else float(shown), text, is_below)


def _numeric_predicates(reference: NumericReference, edges: Sequence[_Edge]) -> list[Predicate]:
    """Each cell, all cells below an edge, all above one, and no value."""
    name, cells = name_text(reference.name), np.arange(len(edges) + 2)
    is_number, found = cells <= len(edges), list[tuple[str, BoolArray]]()
    for place, edge in enumerate(edges):
        below = cells <= place
        found.append((_lower_text(name, edge), below))
        found.append((_upper_text(name, edge), ~below & is_number))
    for place, (low, high) in enumerate(pairwise(edges), 1):
        text = f"{_upper_text(name, low)} and {_lower_text(name, high)}"
        found.append((f"{name} = {high.text}" if low.is_below else text, cells == place))
    found.append((f"{name} is null", ~is_number))
    return [Predicate(text, reference.name, chosen) for text, chosen in found]


def _lower_text(name: str, edge: _Edge) -> str:
    return f"{name} {'<' if edge.is_below else '<='} {edge.text}"


def _upper_text(name: str, edge: _Edge) -> str:
    return f"{name} {'>=' if edge.is_below else '>'} {edge.text}"


def _code_categories(
    reference: CategoricalReference, before: Chunks, after: Chunks
) -> CodedFeature:
    known = reference.categories[:MOST_CATEGORIES].to_pylist()
    old, current = ([_Named.of(reference, chunk) for chunk in chunks] for chunks in (before, after))
    new = _frequent_new(current)
    # cells: known ones, the other known ones, new ones, the other new ones, no value
    cells = {name: len(known) + 1 + place for place, name in enumerate(new)}
    missing = len(known) + len(new) + 2
    before_codes, after_codes = (
        _joined([each.cells(len(known), cells, missing) for each in side])
        for side in (old, current)
    )
    places = {name: place for place, name in enumerate(known)} | cells
    predicates = tuple(_known(reference, _category_predicates(reference, places, missing)))
    return CodedFeature(reference.name, before_codes, after_codes, missing + 1, predicates)


def _joined(pieces: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.empty(0, np.int64), *pieces])


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """A piece of a column.

    Attributes:
        codes: Shape (rows,), codes of names; the one after the last stands for no value.
        names: The name of each code.
        places: The place of each name among the reference's categories, −1 for a new one.
    """

    codes: IntArray
    names: list[str]
    places: IntArray

    @classmethod
    def of(cls, reference: CategoricalReference, chunk: pa.Array) -> "_Named":
        codes, names = reference.names_of(chunk)
        found = reference.places_of(names, chunk.type)
        places = np.full(len(names), -1)
        places[found.is_known] = found.places
        return cls(codes.astype(np.int64), names.to_pylist(), places)

    def cells(self, known: int, new: dict[str, int], missing: int) -> IntArray:
        """The cell of each row."""
        by_name = np.minimum(self.places, known)
        for place in np.flatnonzero(self.places < 0).tolist():
            by_name[place] = new.get(self.names[place], missing - 1)
        cells: IntArray = np.append(by_name, missing)[self.codes]
        return cells


def _frequent_new(pieces: Iterable[_Named]) -> list[str]:
    """The most frequent categories that the reference does not have."""
    rows: dict[str, int] = {}
    for each in pieces:
        counts = np.bincount(each.codes, minlength=len(each.names) + 1)
        for place in np.flatnonzero(each.places < 0).tolist():
            rows[each.names[place]] = rows.get(each.names[place], 0) + int(counts[place])
    return sorted(rows, key=lambda name: (-rows[name], name))[:MOST_CATEGORIES]


def _category_predicates(
    reference: CategoricalReference, places: dict[str, int], missing: int
) -> list[Predicate]:
    name, contract, cells = (
        name_text(reference.name),
        contract_of(reference),
        np.arange(missing + 1),
    )
    found = [
        Predicate(f"{name} = {category_text(each, contract)}", reference.name, cells == place)
        for each, place in places.items()
        if len(each) <= LONGEST_CATEGORY
    ]
    return [*found, Predicate(f"{name} is null", reference.name, cells == missing)]


def _known(reference: FeatureReference, predicates: Iterable[Predicate]) -> list[Predicate]:
    """Those that the contract of the column allows."""
    contracts = {reference.name: contract_of(reference)}
    return [each for each in predicates if _is_allowed(each.text, contracts)]


def _is_allowed(text: str, contracts: dict[str, Contract]) -> bool:
    try:
        check_condition(parse_condition(text), contracts)
    except BadCondition:
        return False
    return True
