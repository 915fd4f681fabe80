"""Holds the result of comparing two datasets once: a row a feature, the verdict, and the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

from ..method_results import FeatureDetail, MethodResult
from ..methods import Method
from ..picture_format import Shown
from ..verdicts import Signal, Verdict, combine_verdicts
from .skipped_files import Skipped

UNJUDGED = frozenset({Verdict.ERROR, Verdict.INSUFFICIENT_DATA, Verdict.NO_DATA})
TABLE_ORDER = (
    Verdict.DRIFT,
    Verdict.ERROR,
    Verdict.NO_DATA,
    Verdict.INSUFFICIENT_DATA,
    Verdict.UNSUPPORTED,
    Verdict.OK,
)
ROW_FIELDS = (
    *("feature", "kind", "verdict", "signal", "severity", "reason"),
    *("statistic", "p_adjusted", "effect_size", "tolerance", "n_reference", "n_current", "fault"),
)


class FailOn(StrEnum):
    """The findings that a caller takes for a failure; each but `never` includes drift."""

    DRIFT = "drift"
    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two datasets that are compared.

    Attributes:
        uri: The place that it was read from, or a word for data in memory.
        rows: Rows that were read.
        skipped: Files of its folder that are no part of it.
    """

    uri: str
    rows: int
    skipped: tuple[Skipped, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The side as plain JSON values."""
        files = [{"name": file.name, "reason": file.reason} for file in self.skipped]
        return {"uri": self.uri, "rows": self.rows, "files_skipped": files}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureRow:
    """One feature over all methods: the answer that decided its verdict, and the method that gave it."""

    method: Method
    detail: FeatureDetail

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values; what else was measured is in the method results."""
        values = self.detail.as_json()
        return {"method": self.method.value, **{name: values[name] for name in ROW_FIELDS}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceColumns:
    """The columns of a reference: those that are compared, and what becomes of the others.

    Attributes:
        compared: The names, in the order of the rows.
        left_out: Columns that are not compared, such as timestamps.
        unusable: Columns that the reference itself cannot give, each with the reason.
    """

    compared: Sequence[str]
    left_out: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Comparison:
    """The result of comparing two datasets; it equals itself alone, and what `to_dict` gives can be compared.

    Attributes:
        features: Drifted ones first, the largest effect for its tolerance before the others.
        left_out: Columns of the reference that were not compared, such as timestamps.
        new_columns: Columns of the current data that the reference does not have.
        method_results: One per method, with all that was measured.
        pictures: What people see of each feature that was read, by its name.
        slices: The verdict of each slice by its name, and what drifted in it or comes nearest to drift.
    """

    verdict: Verdict
    reference: Side
    current: Side
    features: tuple[FeatureRow, ...]
    left_out: tuple[str, ...]
    new_columns: tuple[str, ...]
    method_results: tuple[MethodResult, ...]
    pictures: Mapping[str, Shown]
    slices: Mapping[str, tuple[Verdict, tuple[FeatureDetail, ...]]] = field(default_factory=dict)

    @property
    def drifted(self) -> bool:
        """True if a feature or a slice has drifted."""
        return self.verdict is Verdict.DRIFT

    @property
    def drifted_features(self) -> tuple[str, ...]:
        """The names of the features that have drifted, the largest effect for its tolerance first."""
        drifted = [row.detail for row in self.features if row.detail.verdict is Verdict.DRIFT]
        return tuple(detail.feature for detail in drifted)

    def fails(self, limit: FailOn) -> bool:
        """True if a caller with this limit should stop.

        `warning` also stops at a warning of any method, `error` also at any feature that could not be judged.
        """
        if limit is FailOn.NEVER or self.drifted:
            return limit is not FailOn.NEVER
        if limit is FailOn.WARNING:
            return any(map(_has_warning, self.method_results))
        return limit is FailOn.ERROR and any(map(_is_unjudged, self.features))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values, without NaN or Infinity."""
        return {
            "verdict": self.verdict.value,
            "reference": self.reference.as_json(),
            "current": self.current.as_json(),
            "features_drifted": len(self.drifted_features),
            "features_compared": len(self.features),
            "left_out": list(self.left_out),
            "new_columns": list(self.new_columns),
            "rows": [row.as_json() for row in self.features],
            "slices": {name: verdict.value for name, (verdict, _) in self.slices.items()},
            "outcomes": [result.as_json() for result in self.method_results],
        }

    def __repr__(self) -> str:
        """The table, as a terminal shows it."""
        # What shows a comparison knows its class, and so is imported by need.
        from .text_table import as_table

        return as_table(self)

    def _repr_html_(self) -> str:
        """The table and the pictures, as a notebook shows them."""
        from .comparison_page import as_fragment

        return as_fragment(self)


def conclude(
    sides: tuple[Side, Side],
    columns: ReferenceColumns,
    new_columns: tuple[str, ...],
    method_results: tuple[MethodResult, ...],
    pictures: Mapping[str, Shown],
) -> Comparison:
    """The comparison that the answers of all methods make.

    Args:
        sides: The reference and the current data.
        columns: The columns of the reference.
        new_columns: Columns of the current data that the reference does not have.
        method_results: One per method.
        pictures: Of the features that were read, by name.
    """
    features, slices = _rows(method_results, columns), _slices(method_results)
    reference, current = sides
    return Comparison(
        verdict=_verdict_of(features, slices),
        reference=reference,
        current=current,
        features=features,
        left_out=columns.left_out,
        new_columns=new_columns,
        method_results=method_results,
        pictures=pictures,
        slices={name: (_verdict_of_slice(found), found) for name, found in slices.items()},
    )


def _slices(method_results: Sequence[MethodResult]) -> dict[str, tuple[FeatureDetail, ...]]:
    """The findings of the methods on each slice, by its name."""
    found: dict[str, list[FeatureDetail]] = {}
    for result in method_results:
        for detail in result.slices:
            found.setdefault(detail.slice, []).append(detail)
    return {name: tuple(details) for name, details in found.items()}


def _verdict_of_slice(details: Sequence[FeatureDetail]) -> Verdict:
    """The verdict of a slice; one with too few rows does not count."""
    counted = [each.verdict for each in details if each.is_judgeable]
    return combine_verdicts(counted) if counted else Verdict.INSUFFICIENT_DATA


def _rows(
    method_results: tuple[MethodResult, ...], columns: ReferenceColumns
) -> tuple[FeatureRow, ...]:
    """A row per column of the reference; new columns have none, as there is nothing to compare."""
    by_feature = _rows_by_feature(method_results)
    rows = [_deciding(by_feature[name]) for name in columns.compared if name in by_feature]
    method = Method(method_results[0].method)
    unread = [_unread(method, name, reason) for name, reason in columns.unusable.items()]
    return tuple(sorted([*rows, *unread], key=_place))


def _unread(method: Method, name: str, reason: str) -> FeatureRow:
    """The row of a column that the reference itself cannot give."""
    detail = FeatureDetail(feature=name, kind=None, verdict=Verdict.ERROR, reason=reason)
    return FeatureRow(method=method, detail=detail)


def _rows_by_feature(
    method_results: tuple[MethodResult, ...],
) -> dict[str, list[FeatureRow]]:
    by_feature: dict[str, list[FeatureRow]] = {}
    for result in method_results:
        method = Method(result.method)
        for detail in result.details:
            row = FeatureRow(method=method, detail=detail)
            by_feature.setdefault(detail.feature, []).append(row)
    return by_feature


def _is_unjudged(row: FeatureRow) -> bool:
    return row.detail.verdict in UNJUDGED


def _has_warning(result: MethodResult) -> bool:
    return any(detail.signal is Signal.WARNING for detail in result.details)


def _place(row: FeatureRow) -> tuple[int, bool, float]:
    """The place of a feature in the table."""
    return TABLE_ORDER.index(row.detail.verdict), *_rank(row)


def _verdict_of(
    features: Sequence[FeatureRow], slices: Mapping[str, Sequence[FeatureDetail]]
) -> Verdict:
    """The verdict over all features and slices, without those that the reference cannot judge."""
    sliced = chain.from_iterable(slices.values())
    details = [*(row.detail for row in features), *sliced]
    counted = [each.verdict for each in details if each.is_judgeable]
    return combine_verdicts(counted) if counted else Verdict.INSUFFICIENT_DATA


def _deciding(rows: list[FeatureRow]) -> FeatureRow:
    counted = [row for row in rows if _counts(row)] or rows
    verdict = combine_verdicts(row.detail.verdict for row in counted)
    return min((row for row in counted if row.detail.verdict is verdict), key=_rank)


def _counts(row: FeatureRow) -> bool:
    """True unless the reference is why it was not judged, or it says only that the column is there."""
    is_present = row.method is Method.SCHEMA and row.detail.verdict is Verdict.OK
    return row.detail.is_judgeable and not is_present


def _rank(row: FeatureRow) -> tuple[bool, float]:
    return row.detail.signal is not Signal.WARNING, -row.detail.ratio
