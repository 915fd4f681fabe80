"""Compares two datasets once, without monitor, ledger or server."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from algorithms.baseline import Baseline, FeatureKind
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import METHODS, Method
from algorithms.picture_format import Shown, show_drawing
from algorithms.pictures import Drawing
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Signal, Verdict, combine_verdicts
from detections.evaluation.judge import judge_window
from monitors.baselines.slice_counts import with_slices
from monitors.features import choose_features
from monitors.monitor_windows import column_types
from monitors.selectors import get_source_limits
from monitors.sources import (
    ColumnType,
    CsvDialect,
    SourcePolicy,
    WindowSpec,
    describe_window,
    open_window,
)
from monitors.sources.csv_dialect import DEFAULT_DIALECT
from monitors.sources.formats import SkippedFile
from monitors.sources.local_times import UTC_ZONE
from monitors.sources.uris import parse_uri

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
class ComparisonRequest:
    """The two datasets to compare, the columns and the plan.

    Attributes:
        reference: Absolute path or URI; `current` likewise.
        columns: The features, each a name or a list of names with commas between them; all columns
            of a known type when empty.
        kinds: Kinds that take the place of those the columns' types suggest.
        timestamp_column: Not a feature; rows of `current` with `start <= timestamp < end` are compared.
        start: Aware, or None for unbounded; `end` likewise.
        dialect: How CSV files of both are written.
        slices: Parts of the rows that are judged beside the whole, each with name and where.
        zone: The zone in which dates and times without a zone are read, in both.
    """

    reference: str
    current: str
    plan: EvaluationPlan
    columns: tuple[str, ...] = ()
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)
    timestamp_column: str = ""
    start: datetime | None = None
    end: datetime | None = None
    dialect: CsvDialect = DEFAULT_DIALECT
    zone: str = UTC_ZONE
    slices: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature over all methods: the answer that decided its verdict, and the method that gave it."""

    method: Method
    detail: FeatureDetail

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values; what else was measured is in the method results."""
        values = self.detail.as_json()
        return {"method": self.method, **{name: values[name] for name in ROW_FIELDS}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of comparing two datasets.

    Attributes:
        features: Drifted ones first, the largest effect for its tolerance before the others.
        reference_skipped: Files of the reference's folder that are no part of it; those of the
            current data likewise.
        left_out: Columns of the reference that were not compared, such as timestamps.
        new_columns: Columns of the current data that the reference does not have.
        method_results: One per method, with all that was measured.
        pictures: What people see of each feature that was read, by its name.
        slices: The verdict of each slice by its name, and what drifted in it or comes nearest to drift.
    """

    verdict: Verdict
    reference: str
    current: str
    reference_rows: int
    current_rows: int
    features: tuple[FeatureRow, ...]
    reference_skipped: tuple[SkippedFile, ...]
    current_skipped: tuple[SkippedFile, ...]
    left_out: tuple[str, ...]
    new_columns: tuple[str, ...]
    method_results: tuple[MethodResult, ...]
    pictures: Mapping[str, Shown]
    slices: Mapping[str, tuple[Verdict, tuple[FeatureDetail, ...]]] = field(default_factory=dict)

    @property
    def drifted(self) -> int:
        """The number of drifted features."""
        return sum(row.detail.verdict is Verdict.DRIFT for row in self.features)

    def fails(self, limit: FailOn) -> bool:
        """True if a caller with this limit should stop.

        `warning` also stops at a warning of any method, `error` also at any feature that could not be judged.
        """
        if limit is FailOn.NEVER or self.verdict is Verdict.DRIFT:
            return limit is not FailOn.NEVER
        if limit is FailOn.WARNING:
            return any(map(_has_warning, self.method_results))
        return limit is FailOn.ERROR and any(map(_is_unjudged, self.features))

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values, without NaN or Infinity."""
        return {
            "verdict": self.verdict,
            "reference": _as_json(self.reference, self.reference_rows, self.reference_skipped),
            "current": _as_json(self.current, self.current_rows, self.current_skipped),
            "features_drifted": self.drifted,
            "features_compared": len(self.features),
            "left_out": list(self.left_out),
            "new_columns": list(self.new_columns),
            "rows": [row.as_json() for row in self.features],
            "slices": {name: verdict for name, (verdict, _) in self.slices.items()},
            "outcomes": [result.as_json() for result in self.method_results],
        }


def _as_json(uri: str, rows: int, skipped: tuple[SkippedFile, ...]) -> dict[str, Any]:
    return {"uri": uri, "rows": rows, "files_skipped": [asdict(file) for file in skipped]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The columns of the reference: those to compare, and what becomes of the others.

    Attributes:
        kinds: The columns to compare.
        types: How they are read from CSV, in the reference and in the current window alike.
        unusable: Columns asked for that the reference's files disagree about, with the reasons.
        left_out: Columns that are not compared.
        held: All columns of the reference.
        skipped: Files that are no part of the reference.
    """

    kinds: Mapping[str, FeatureKind]
    types: Mapping[str, ColumnType]
    unusable: Mapping[str, str]
    left_out: tuple[str, ...]
    held: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]


def compare(request: ComparisonRequest) -> Comparison:
    """Summarize the reference, then compare the current window with it.

    Raises:
        SourceError: If either can't be read.
        ValidationError: If the columns, kinds or methods asked for don't fit the reference.
        InsufficientData: If the reference holds no row.
        UnusableColumn: If a column of the reference can't be read as its kind.
    """
    policy = _policy(request)
    chosen = _choose(request, policy)
    kinds = chosen.kinds
    with open_window(_current_window(request, policy, chosen.types)) as window:
        spec = _window(request.reference, request, policy, chosen.types)
        baseline = _fit(spec, kinds, request.slices)
        known = {*chosen.held, request.timestamp_column}
        new_columns = tuple(name for name in window.held_columns if name not in known)
        drawing = Drawing(frames=baseline.frames, sensitive=request.plan.sensitive)
        plan = replace(request.plan, names_faults=True)
        result = judge_window(baseline, window, plan, new_columns, drawing)
        skipped = window.files_skipped
    features, slices = _rows(result.methods, chosen), _slices(result.methods)
    return Comparison(
        verdict=_verdict_of(features, slices),
        reference=request.reference,
        current=request.current,
        reference_rows=baseline.rows,
        current_rows=result.rows or 0,
        reference_skipped=chosen.skipped,
        current_skipped=skipped,
        features=features,
        left_out=chosen.left_out,
        new_columns=new_columns,
        method_results=result.methods,
        pictures={each["feature"]: each for each in show_drawing(drawing)},
        slices={name: (_verdict_of_slice(found), found) for name, found in slices.items()},
    )


def _current_window(
    request: ComparisonRequest, policy: SourcePolicy, types: Mapping[str, ColumnType]
) -> WindowSpec:
    window = _window(request.current, request, policy, _types_of_current(types))
    if not request.timestamp_column:
        return window
    column, start, end = request.timestamp_column, request.start, request.end
    return replace(window, timestamp_column=column, start=start, end=end)


def _types_of_current(types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """The types of the reference; what is a boolean there can be one of some words in the window."""
    texts = {ColumnType.LENIENT_TRUTH: ColumnType.VALUE_TEXT}
    return {name: texts.get(each, each) for name, each in types.items()}


def _window(
    uri: str, request: ComparisonRequest, policy: SourcePolicy, types: Mapping[str, ColumnType]
) -> WindowSpec:
    """All rows of one of the two, with the columns that are compared."""
    return replace(_whole(uri, request, policy), columns=list(types), types=types)


def _whole(uri: str, request: ComparisonRequest, policy: SourcePolicy) -> WindowSpec:
    return WindowSpec(uri, policy, dialect=request.dialect, zone=request.zone)


def _policy(request: ComparisonRequest) -> SourcePolicy:
    """Allow the whole disk and the named buckets: the command reads with the rights of its user."""
    data = settings.ENV.data
    return SourcePolicy(
        allowed_roots=("/",),
        allowed_object_stores=_object_stores(request),
        s3_endpoint=data.s3_endpoint,
        s3_region=data.s3_region,
        azure_account=data.azure_account,
        max_window_bytes=data.max_window_bytes,
        limits=get_source_limits(),
    )


def _object_stores(request: ComparisonRequest) -> tuple[str, ...]:
    locations = [parse_uri(uri) for uri in (request.reference, request.current)]
    remote = [each for each in locations if not each.is_local]
    return tuple({f"{each.scheme}://{each.base.partition('/')[0]}" for each in remote})


def _choose(request: ComparisonRequest, policy: SourcePolicy) -> _Chosen:
    """The columns asked for, and those among them that one of the methods compares, with their kinds."""
    reference = describe_window(_whole(request.reference, request, policy), is_whole=True)
    held = (*reference.columns, *reference.unusable)
    asked = find_columns(request.columns, held)
    usable = [name for name in asked if name not in reference.unusable]
    found = choose_features(
        replace(reference, unusable={}), usable, request.timestamp_column, overrides=request.kinds
    )
    kinds = _comparable(found, request.plan)
    unusable = {name: why for name, why in reference.unusable.items() if name in (asked or held)}
    judged = {*kinds, *unusable}
    return _Chosen(
        kinds=kinds,
        types=column_types(kinds, reference, request.kinds),
        unusable=unusable,
        left_out=tuple(name for name in asked or held if name not in judged),
        held=held,
        skipped=reference.files_skipped,
    )


def find_columns(lists: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """The columns that lists with commas name, each once: the longest name that is there goes first.

    Args:
        lists: Each is one name, or several with commas between them.
        known: The columns of the data.
    """
    found = (name for text in lists for name in _divided(text.split(","), known))
    return tuple(dict.fromkeys(found))


def _divided(pieces: list[str], known: Collection[str]) -> Iterator[str]:
    """The names that pieces of a list make: of several pieces if a column has that name."""
    while pieces:
        count = next((n for n in range(len(pieces), 0, -1) if _joined(pieces[:n]) in known), 0)
        name = _joined(pieces[:count]) if count else pieces[0].strip()
        if name or count:
            yield name
        pieces = pieces[count or 1 :]


def _joined(pieces: list[str]) -> str:
    return ",".join(pieces)


def _compared_kinds(plan: EvaluationPlan) -> set[FeatureKind]:
    return {kind for kind in FeatureKind if _compares(plan, kind)}


def _compares(plan: EvaluationPlan, kind: FeatureKind) -> bool:
    return any(METHODS[method].compares([kind]) for method in plan.methods)


def _comparable(kinds: Mapping[str, FeatureKind], plan: EvaluationPlan) -> dict[str, FeatureKind]:
    """The features that one of the plan's methods compares."""
    compared = _compared_kinds(plan)
    chosen = {name: kind for name, kind in kinds.items() if kind in compared}
    if not chosen:
        raise ValidationError(
            {"methods": "methods must include one that compares these kinds of features."}
        )
    return chosen


def _fit(
    reference: WindowSpec,
    kinds: Mapping[str, FeatureKind],
    slices: Sequence[Mapping[str, str]],
) -> Baseline:
    data = settings.ENV.data
    with open_window(reference) as window:
        baseline = Baseline.fit(
            window.batches() if window.bytes_at_most >= data.stream_bytes else window,
            kinds,
            max_rows=data.max_reference_rows,
            max_value_bytes=data.max_baseline_bytes,
            is_untyped=window.is_text,
        )
        return with_slices(baseline, slices, window)


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


def _rows(method_results: tuple[MethodResult, ...], chosen: _Chosen) -> tuple[FeatureRow, ...]:
    """A row per column of the reference; new columns have none, as there is nothing to compare."""
    by_feature = _rows_by_feature(method_results)
    rows = [_deciding(by_feature[name]) for name in chosen.kinds if name in by_feature]
    method = Method(method_results[0].method)
    unread = [_unread(method, name, reason) for name, reason in chosen.unusable.items()]
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
