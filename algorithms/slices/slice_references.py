"""The reference of a slice: the rows of the reference window that its condition chooses, feature by feature.

A slice's cells are unions of the whole's cells. They are fewer, as a slice has fewer rows, and cost little.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..arrays import FloatArray, IntArray
from ..grid import Grid
from ..profiles import CategoricalProfile, FeatureProfile, NumericProfile, NumericSummary, Profile
from ..references import CategoricalReference, FeatureReference, NumericReference
from .matching import contract_of
from .parsing import parse_condition
from .slice_conditions import Condition
from .slice_contracts import check_condition

MOST_EDGES = 256
"""Edges of a slice's cells between values; a distribution function is known to 1/256 then, far below any tolerance."""
MOST_SINGLES = 64
"""Frequent values that keep a cell of their own."""
MOST_CATEGORIES = 1000
"""A feature with more categories is not judged on slices: a slice has too few rows of each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceReference:
    """A slice of the reference window.

    Attributes:
        name: Unique among the baseline's slices.
        where: The text of its condition.
        rows: Rows of the reference window for which the condition is true.
        features: The reference of each feature that slices are judged on, by name; without summary and values, and
            with NaN among the nulls.
    """

    name: str
    where: str
    rows: int = 0
    features: Mapping[str, FeatureReference] = field(default_factory=dict)

    @cached_property
    def condition(self) -> Condition:
        """The parsed condition."""
        return parse_condition(self.where)

    def empty_profile(self) -> Profile:
        """The profile of no rows."""
        features = {name: each.empty_profile() for name, each in self.features.items()}
        return Profile(rows=0, features=features)

    def counted(self, profile: Profile) -> "SliceReference":
        """The slice with the counts of the reference window on its cells."""
        features = {
            name: _counted(reference, found)
            for name, reference in self.features.items()
            if isinstance(found := profile.features[name], NumericProfile | CategoricalProfile)
        }
        return replace(self, rows=profile.rows, features=features)


def new_slices(
    wheres: Mapping[str, str], features: Mapping[str, FeatureReference]
) -> dict[str, SliceReference]:
    """Slices of a reference window that are not counted yet.

    Args:
        wheres: The text of each condition, by the slice's name.
        features: The whole's references.

    Raises:
        BadCondition: If a condition cannot be read, or does not fit the features.
    """
    cells = slice_cells(features) if wheres else {}
    slices = {
        name: SliceReference(name=name, where=where, features=cells)
        for name, where in wheres.items()
    }
    contracts = {name: contract_of(reference) for name, reference in features.items()}
    for each in slices.values():
        check_condition(each.condition, contracts)
    return slices


def slice_cells(features: Mapping[str, FeatureReference]) -> dict[str, FeatureReference]:
    """The empty references that slices are counted on, of the features that slices are judged on."""
    return {
        name: _emptied(reference)
        for name, reference in features.items()
        if isinstance(reference, NumericReference) or len(reference.counts) <= MOST_CATEGORIES
    }


def _emptied(reference: FeatureReference) -> FeatureReference:
    if isinstance(reference, CategoricalReference):
        counts = np.zeros_like(reference.counts)
        return replace(reference, n=0, nulls=0, counts=counts, other=0)
    grid = Grid(_fewer_edges(reference))
    return replace(
        reference,
        grid=grid,
        bin_edges=np.empty(0),
        counts=np.zeros(grid.cells, np.int64),
        values=None,
        summary=NumericSummary(),
        n=0,
        nulls=0,
        nans=0,
        infinite=0,
    )


def _fewer_edges(reference: NumericReference) -> FloatArray:
    """Some of the grid's edges: both around the most frequent single values, and others evenly spread."""
    grid = reference.grid
    singles = np.flatnonzero(grid.single_valued[1:-1]) + 1
    frequent = np.argsort(-reference.counts[singles], kind="stable")[:MOST_SINGLES]
    kept = singles[frequent]
    is_border = grid.single_valued[:-1] | grid.single_valued[1:]
    plain = grid.edges[~is_border]
    return np.unique(np.concatenate([_spread(plain), grid.edges[kept - 1], grid.edges[kept]]))


def _spread(edges: FloatArray) -> FloatArray:
    """At most `MOST_EDGES` of the edges, evenly."""
    if len(edges) <= MOST_EDGES:
        return edges
    places: IntArray = np.linspace(0, len(edges) - 1, MOST_EDGES).astype(np.int64)
    return edges[places]


def _counted(reference: FeatureReference, profile: FeatureProfile) -> FeatureReference:
    """A feature's reference with the counts of a window."""
    if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile):
        return replace(
            reference,
            n=profile.rows,
            nulls=profile.nulls,
            counts=profile.counts,
        )
    assert isinstance(reference, CategoricalReference)
    assert isinstance(profile, CategoricalProfile)
    return replace(
        reference,
        n=profile.rows,
        nulls=profile.nulls,
        counts=profile.counts,
        other=profile.unseen.rows,
    )
