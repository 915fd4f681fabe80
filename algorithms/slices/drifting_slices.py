"""Finds slices that carry a drift: found in one half of a sample, and judged by the other.

The halves are drawn at random. In the first, each feature's drift is looked for inside every condition on one other
feature; where it is clearest, cells tell how over-represented a row is, and a search of the lattice of conjunctions
follows these rows. In the second half each slice that was found is tested once: whether the feature moves otherwise
inside it than in the rest. So what the search has picked from chance does not pass.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import special

from ..arrays import BoolArray, IntArray
from ..errors import COLUMN_ERRORS
from ..multiple_testing import adjust_p_values
from ..references import FeatureReference, NumericReference
from .coded_features import CodedFeature, code_feature
from .lattice import LEAST_SCORE, FoundSlice, RowErrors, Sizes, search_lattice
from .local_drift import (
    CellCounts,
    change_scores,
    count_cells,
    local_excess,
    log_ratios,
    over_representation,
    unbiased_psi,
)
from .matching import ReadColumns, find_rows, read_column
from .parsing import parse_condition
from .row_samples import RowSample
from .slice_conditions import columns_of

LEVEL = 0.05
"""The share of false ones among the found slices, on average."""
LEAST_PSI = 0.1
"""The index from which on a change is worth a warning (Siddiqi, Credit Risk Scorecards, 2006)."""
LEAST_SHARE = 0.1
"""The share of a feature's drift that a slice must carry, where the window as a whole shows one."""
MOST_GROWTH = 1.5
"""By how much a slice may grow or shrink."""
SMALLEST_SHARE = 0.01
"""Of a window's rows."""
FEWEST_ROWS = 30
"""In each half of each window."""
MOST_TARGETS = 5
"""Features that are followed, those whose drift is clearest inside a condition."""
MOST_PAIRS = 6000
"""Pairs of a feature that may have moved and one that conditions name: of 500 features, the first twelve may have."""
MOST_FOUND = 30
"""Slices of one feature that the search keeps; most of them are parts of one another."""
MOST_TESTED = 4
"""Slices of one feature that are tested, no two of them nearly the same."""
NESTED = 0.9
"""The share of a slice's rows in another from which on it is a part of that."""
NEARLY_AS_LARGE = 0.65
"""The share of a part's index from which on the larger slice is shown instead: rows without the incident dilute it."""
LARGEST_OVERLAP = 0.5
"""The share of common rows above which two slices are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftingSlice:
    """A slice that carries a drift.

    Attributes:
        where: Its condition, in the grammar of slices.
        feature: The feature that moved inside it.
        support: Its share of the window's rows.
        reference_support: Its share of the reference's rows.
        psi: The feature's Population Stability Index inside it, less what chance gives on average.
        rest_psi: The same outside it.
        share: The share of the feature's drift in the window that goes away without the slice; None if the window as a
            whole shows none.
        excess: How much more the feature moved inside than outside, in standard errors, by the held-out half.
        p_value: The chance of so much more.
        p_adjusted: After Benjamini–Hochberg over the slices that were tested.
    """

    where: str
    feature: str
    support: float
    reference_support: float
    psi: float
    rest_psi: float
    share: float | None
    excess: float
    p_value: float
    p_adjusted: float


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """A window's sample, and which of its rows are of the half that is searched."""

    sample: RowSample
    is_searched: BoolArray

    @classmethod
    def of(cls, sample: RowSample, random: np.random.Generator) -> Self:
        is_searched = np.zeros(sample.num_rows, np.bool_)
        is_searched[: sample.num_rows // 2] = True
        return cls(sample, random.permutation(is_searched))


def find_drifting_slices(
    features: Mapping[str, FeatureReference],
    reference: RowSample,
    current: RowSample,
    *,
    targets: Collection[str] = (),
    sensitive: Collection[str] = (),
    seed: int = 0,
) -> list[DriftingSlice]:
    """The slices that carry a drift, the clearest first; none if no drift is local.

    Args:
        features: The baseline's references, by which both windows are read.
        reference: Rows of the reference window.
        current: Rows of the current window.
        targets: The features whose drift is followed; empty for all. Of more than 77, the first ones. No condition
            names a numeric one, as other rows are in its ranges than before.
        sensitive: Features that no condition may name.
        seed: Of the halves.
    """
    random = np.random.default_rng(seed)
    moved = {name for name in targets if isinstance(features.get(name), NumericReference)}
    search = _Search(
        features,
        _Side.of(reference, random),
        _Side.of(current, random),
        unnamed=frozenset(sensitive) | moved,
    )
    most = max(1, MOST_PAIRS // max(1, len(features)))
    found = search.find(list(targets or features)[:most])
    return search.judge(found)


@dataclass(frozen=True, slots=True)
class _Target:
    """A feature whose drift is followed: how clear it is, and where it is clearest."""

    name: str
    score: float
    inside: CellCounts


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A found slice, and the feature that it was found by."""

    target: str
    found: FoundSlice


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    """A tested slice, and which rows of both samples are in it."""

    candidate: _Candidate
    slice: DriftingSlice
    rows: Sequence[BoolArray]

    @property
    def is_kept(self) -> bool:
        """True if what moved inside it is clear, large, and more than its part of what moved in the window."""
        is_clear = self.slice.p_adjusted <= LEVEL and self.slice.psi >= LEAST_PSI
        return is_clear and self._is_local and self._is_steady

    @property
    def _is_local(self) -> bool:
        share, support = self.slice.share, self.slice.support
        return share is None or share >= max(LEAST_SHARE, 2 * support)

    @property
    def _is_steady(self) -> bool:
        """True if it has about as many rows as before; else it holds others."""
        before, now = self.slice.reference_support, self.slice.support
        return max(before, now) <= MOST_GROWTH * min(before, now)

    def stands_for(self, other: Self) -> bool:
        """True if it holds nearly all rows of another, and moved nearly as far."""
        is_part = _part_inside(other.rows[1], self.rows[1]) >= NESTED
        return is_part and self.slice.psi >= NEARLY_AS_LARGE * other.slice.psi


class _Search:
    """Both samples, coded."""

    def __init__(
        self,
        features: Mapping[str, FeatureReference],
        reference: _Side,
        current: _Side,
        *,
        unnamed: frozenset[str],
    ) -> None:
        self.references, self.sides = features, (reference, current)
        self.coded = _code_all(features, reference.sample, current.sample)
        self.searched = {name: self._half(each) for name, each in self.coded.items()}
        self.named = {name: each for name, each in self.searched.items() if name not in unnamed}

    def _half(self, feature: CodedFeature) -> CodedFeature:
        before, after = (each.is_searched for each in self.sides)
        return replace(feature, reference=feature.reference[before], current=feature.current[after])

    def find(self, targets: Iterable[str]) -> list[_Candidate]:
        """The slices to test: the best few of each feature whose drift is clear."""
        clear = [self._target(name) for name in targets if name in self.searched]
        followed = sorted(
            (each for each in clear if each is not None), key=lambda each: each.score, reverse=True
        )
        return [each for target in followed[:MOST_TARGETS] for each in self._follow(target)]

    def _target(self, name: str) -> _Target | None:
        """The condition on one other feature inside which a feature moves most clearly; None without a clear one."""
        target = self.searched[name]
        best: _Target | None = None
        for feature in self.named.values():
            if feature.name == name or not feature.predicates:
                continue
            inside = self._inside(feature, target)
            scores = np.where(self._is_large(inside), change_scores(inside), -np.inf)
            place = int(scores.argmax())
            if scores[place] >= (best.score if best else LEAST_SCORE):
                counts = CellCounts(inside.reference[place], inside.current[place])
                best = _Target(name, float(scores[place]), counts)
        return best

    def _inside(self, feature: CodedFeature, target: CodedFeature) -> CellCounts:
        """Rows of the target's cells inside each condition on a feature, shape (conditions, cells)."""
        shape = feature.cells, target.cells
        before = feature.reference * target.cells + target.reference
        after = feature.current * target.cells + target.current
        cells = count_cells(before, after, feature.cells * target.cells)
        chosen = np.array([each.cells for each in feature.predicates], np.float64)
        return CellCounts(
            chosen @ cells.reference.reshape(shape), chosen @ cells.current.reshape(shape)
        )

    def _is_large(self, inside: CellCounts) -> BoolArray:
        sizes, (n, m) = self._sizes, inside.rows
        all_n, all_m = (np.count_nonzero(each.is_searched) for each in self.sides)
        is_large: BoolArray = np.minimum(n, m) >= sizes.fewest
        is_part = (n <= sizes.largest_share * all_n) & (m <= sizes.largest_share * all_m)
        return is_large & is_part

    @property
    def _sizes(self) -> Sizes:
        rows = max(np.count_nonzero(each.is_searched) for each in self.sides)
        return Sizes(fewest=max(FEWEST_ROWS, int(SMALLEST_SHARE * rows)))

    def _follow(self, target: _Target) -> list[_Candidate]:
        """Search the lattice for the rows whose cells are over-represented where the drift is clearest."""
        weights, own = over_representation(target.inside), self.searched[target.name]
        errors = RowErrors(weights[own.reference], weights[own.current])
        others = {name: each for name, each in self.named.items() if name != target.name}
        found = search_lattice(others, errors, self._sizes, MOST_FOUND)
        return [_Candidate(target.name, each) for each in self._distinct(found)]

    def _distinct(self, ranked: Iterable[FoundSlice]) -> list[FoundSlice]:
        kept: list[FoundSlice] = []
        rows: list[BoolArray] = []
        for each in ranked:
            own = self._chosen(each)
            if all(_overlap(own, other) <= LARGEST_OVERLAP for other in rows):
                kept.append(each)
                rows.append(own)
            if len(kept) == MOST_TESTED:
                break
        return kept

    def _chosen(self, found: FoundSlice) -> BoolArray:
        """The rows of the searched half of the current window that a slice chooses."""
        chosen = [each.cells[self.searched[each.feature].current] for each in found.predicates]
        rows: BoolArray = np.logical_and.reduce(chosen)
        return rows

    def judge(self, candidates: Sequence[_Candidate]) -> list[DriftingSlice]:
        """Test each slice on the half that was not searched; keep what is clear, large and local."""
        nothing = [np.zeros(each.sample.num_rows, np.bool_) for each in self.sides]
        tested = [self._test(each, self._rows(each), nothing) for each in candidates]
        adjusted = adjust_p_values([each.slice.p_value for each in tested])
        judged = [
            replace(each, slice=replace(each.slice, p_adjusted=p))
            for each, p in zip(tested, adjusted, strict=True)
        ]
        return [each.slice for each in self._one_of_each([e for e in judged if e.is_kept])]

    def _one_of_each(self, found: Sequence[_Tested]) -> list[_Tested]:
        """One slice of each incident, the clearest first.

        The largest of those that hold the clearest one, and moved nearly as far, stands for it. What does not move
        without its rows is of the same incident.
        """
        rest = sorted(found, key=lambda each: each.slice.excess, reverse=True)
        kept: list[_Tested] = []
        explained = [np.zeros(each.sample.num_rows, np.bool_) for each in self.sides]
        while rest:
            first = max(
                (each for each in rest if each.stands_for(rest[0])),
                key=lambda each: each.slice.support,
            )
            kept.append(first)
            explained = [old | new for old, new in zip(explained, first.rows, strict=True)]
            others = [each for each in rest if each is not first]
            rest = [
                each for each in others if self._test(each.candidate, each.rows, explained).is_kept
            ]
        return kept

    def _rows(self, candidate: _Candidate) -> list[BoolArray]:
        """The rows of both samples that a slice chooses."""
        where = candidate.found.where
        return [_rows_of(where, self.references, each.sample) for each in self.sides]

    def _test(
        self, candidate: _Candidate, chosen: Sequence[BoolArray], without: Sequence[BoolArray]
    ) -> _Tested:
        """Test a slice by the rows of the held-out half, without some of them."""
        name = candidate.target
        left = [~each for each in without]
        own = [rows & others for rows, others in zip(chosen, left, strict=True)]
        learnt = self._counts(name, own, is_searched=True)
        inside = self._counts(name, own, is_searched=False)
        whole = self._counts(name, left, is_searched=False)
        rest = whole - inside
        excess = local_excess(inside, rest, log_ratios(learnt))
        p_value = float(special.ndtr(-excess))
        found = DriftingSlice(
            where=candidate.found.where,
            feature=name,
            support=float(chosen[1].mean()),
            reference_support=float(chosen[0].mean()),
            psi=unbiased_psi(inside),
            rest_psi=unbiased_psi(rest),
            share=_share_that_goes(whole, rest),
            excess=excess,
            p_value=p_value,
            p_adjusted=p_value,
        )
        return _Tested(candidate, found, chosen)

    def _counts(self, name: str, chosen: Sequence[BoolArray], *, is_searched: bool) -> CellCounts:
        """A feature's cells in the chosen rows of one half."""
        feature = self.coded[name]
        before, after = (
            codes[rows & (side.is_searched == is_searched)]
            for codes, rows, side in zip(
                (feature.reference, feature.current), chosen, self.sides, strict=True
            )
        )
        return count_cells(before, after, feature.cells)


def _part_inside(rows: BoolArray, others: BoolArray) -> float:
    """The share of rows that are among others."""
    count = np.count_nonzero(rows)
    return float(np.count_nonzero(rows & others) / count) if count else 1.0


def _code_all(
    features: Mapping[str, FeatureReference], before: RowSample, after: RowSample
) -> dict[str, CodedFeature]:
    """The features that both windows hold as the baseline does."""
    found: dict[str, CodedFeature] = {}
    for name, reference in features.items():
        pieces = before.column(name), after.column(name)
        if not all(pieces):
            continue
        try:
            found[name] = code_feature(reference, *pieces)
        except COLUMN_ERRORS:
            continue
    return found


def _rows_of(where: str, features: Mapping[str, FeatureReference], sample: RowSample) -> BoolArray:
    """The rows of a sample for which a condition is true, as a run finds them."""
    condition = parse_condition(where)
    columns: ReadColumns = {
        name: read_column(features[name], sample.column(name)) for name in columns_of(condition)
    }
    rows: IntArray = find_rows(condition, columns)
    chosen = np.zeros(sample.num_rows, np.bool_)
    chosen[rows] = True
    return chosen


def _overlap(first: BoolArray, second: BoolArray) -> float:
    """Rows of both over rows of either (Jaccard)."""
    either = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / either) if either else 1.0


def _share_that_goes(whole: CellCounts, rest: CellCounts) -> float | None:
    n, m = (float(each) for each in whole.rows)
    all_of_it = unbiased_psi(whole)
    chance = (len(whole.current) - 1) * (1 / n + 1 / m)
    if all_of_it <= chance:
        return None
    return float(np.clip(1 - unbiased_psi(rest) / all_of_it, 0.0, 1.0))
