"""Compares two datasets once, without monitor, ledger or server; nothing here needs Django."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from algorithms.baseline import Baseline, FeatureKind
from algorithms.library.arguments import check_sensitive
from algorithms.library.feature_choice import (
    BadChoice,
    HeldColumns,
    choose_kinds,
    comparable,
    find_columns,
)
from algorithms.library.judging import judge
from algorithms.library.table_comparison import Comparison, ReferenceColumns, Side, conclude
from algorithms.picture_format import show_drawing
from algorithms.pictures import Drawing
from algorithms.plan import EvaluationPlan
from algorithms.reading_limits import (
    MAX_BASELINE_BYTES,
    MAX_REFERENCE_ROWS,
    STREAM_BYTES,
)
from algorithms.slices.slice_forms import wheres_of
from monitors.sources import (
    ColumnType,
    CsvDialect,
    DatasetDescription,
    LazyWindow,
    SkippedFile,
    SourcePolicy,
    WindowSpec,
    describe_window,
    open_window,
)
from monitors.sources.csv_dialect import DEFAULT_DIALECT
from monitors.sources.feature_types import column_types
from monitors.sources.local_times import UTC_ZONE
from monitors.sources.uris import parse_uri

WHOLE_DISK = SourcePolicy(allowed_roots=("/",))
"""A command reads with the rights of its user."""
KINDS_ARGUMENT = "--categorical and --numeric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The limits of reading, and the stores beside the disk.

    Attributes:
        policy: The whole disk, with the way to object stores; those of a request are allowed by it.
        stream_bytes: Windows from this size on are streamed.
        max_reference_rows: Numeric reference rows that are counted; of more, a uniform sample.
        max_baseline_bytes: Sorted reference numbers kept for exact KS.
    """

    policy: SourcePolicy = WHOLE_DISK
    stream_bytes: int = STREAM_BYTES
    max_reference_rows: int = MAX_REFERENCE_ROWS
    max_baseline_bytes: int = MAX_BASELINE_BYTES


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
        reading: How much is read, and from where.
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
    reading: Reading = Reading()

    @property
    def policy(self) -> SourcePolicy:
        """The places that are read: the disk, and the buckets that the request names."""
        return replace(self.reading.policy, allowed_object_stores=_object_stores(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The columns of the reference: those to compare, and what becomes of the others.

    Attributes:
        kinds: The columns to compare.
        types: How they are read from CSV, in the reference and in the current window alike.
        columns: What becomes of each.
        held: All columns of the reference.
        skipped: Files that are no part of the reference.
    """

    kinds: Mapping[str, FeatureKind]
    types: Mapping[str, ColumnType]
    columns: ReferenceColumns
    held: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]


def compare(request: ComparisonRequest) -> Comparison:
    """Summarize the reference, then compare the current window with it.

    Raises:
        SourceError: If either can't be read.
        BadChoice: If the columns, kinds or methods asked for don't fit the reference.
        BadCondition: If a slice does not fit the features.
        InsufficientData: If the reference holds no row.
        UnusableColumn: If a column of the reference can't be read as its kind.
    """
    chosen = _choose(request)
    with open_window(_current_window(request, chosen.types)) as window:
        baseline = _fit(request, chosen)
        known = {*chosen.held, request.timestamp_column}
        new_columns = tuple(name for name in window.held_columns if name not in known)
        drawing = Drawing(frames=baseline.frames, sensitive=request.plan.sensitive)
        rows = window.batches() if _is_streamed(window, request) else window
        judged = judge(baseline, rows, request.plan, new_columns, drawing)
        current = Side(uri=request.current, rows=judged.rows, skipped=window.files_skipped)
    reference = Side(uri=request.reference, rows=baseline.rows, skipped=chosen.skipped)
    pictures = {each["feature"]: each for each in show_drawing(drawing)}
    return conclude((reference, current), chosen.columns, new_columns, judged.methods, pictures)


def _is_streamed(window: LazyWindow, request: ComparisonRequest) -> bool:
    """True if a window is too large to be read as a whole."""
    return window.bytes_at_most >= request.reading.stream_bytes


def _current_window(request: ComparisonRequest, types: Mapping[str, ColumnType]) -> WindowSpec:
    window = _window(request.current, request, _types_of_current(types))
    if not request.timestamp_column:
        return window
    column, start, end = request.timestamp_column, request.start, request.end
    return replace(window, timestamp_column=column, start=start, end=end)


def _types_of_current(types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """The types of the reference; what is a boolean there can be one of some words in the window."""
    texts = {ColumnType.LENIENT_TRUTH: ColumnType.VALUE_TEXT}
    return {name: texts.get(each, each) for name, each in types.items()}


def _window(uri: str, request: ComparisonRequest, types: Mapping[str, ColumnType]) -> WindowSpec:
    """All rows of one of the two, with the columns that are compared."""
    return replace(_whole(uri, request), columns=list(types), types=types)


def _whole(uri: str, request: ComparisonRequest) -> WindowSpec:
    return WindowSpec(uri, request.policy, dialect=request.dialect, zone=request.zone)


def _object_stores(request: ComparisonRequest) -> tuple[str, ...]:
    locations = [parse_uri(uri) for uri in (request.reference, request.current)]
    remote = [each for each in locations if not each.is_local]
    return tuple({f"{each.scheme}://{each.base.partition('/')[0]}" for each in remote})


def _choose(request: ComparisonRequest) -> _Chosen:
    """The columns asked for, and those among them that one of the methods compares, with their kinds."""
    reference = describe_window(_whole(request.reference, request), is_whole=True)
    held = (*reference.columns, *reference.unusable)
    _check_sensitive(request, held)
    asked = find_columns(request.columns, held)
    usable = [name for name in asked if name not in reference.unusable]
    if asked and not usable:
        raise BadChoice("feature_columns", " ".join(reference.unusable[name] for name in asked))
    held_columns = _held_columns(reference, request)
    found = choose_kinds(held_columns, usable, request.kinds, kinds_argument=KINDS_ARGUMENT)
    kinds = comparable(found, request.plan)
    unusable = {name: why for name, why in reference.unusable.items() if name in (asked or held)}
    judged = {*kinds, *unusable}
    left_out = tuple(name for name in asked or held if name not in judged)
    return _Chosen(
        kinds=kinds,
        types=column_types(kinds, reference, request.kinds),
        columns=ReferenceColumns(compared=list(kinds), left_out=left_out, unusable=unusable),
        held=held,
        skipped=reference.files_skipped,
    )


def _check_sensitive(request: ComparisonRequest, held: Collection[str]) -> None:
    try:
        check_sensitive(request.plan.sensitive, held)
    except ValueError as error:
        raise BadChoice("sensitive", str(error)) from error


def _held_columns(reference: DatasetDescription, request: ComparisonRequest) -> HeldColumns:
    """The columns that can be read; those that cannot have rows of their own in the result."""
    return HeldColumns(
        types=reference.columns,
        beside={request.timestamp_column, *reference.partition_columns},
        index=reference.index_columns,
    )


def _fit(request: ComparisonRequest, chosen: _Chosen) -> Baseline:
    """The baseline of the reference, which is read once more if there are slices."""
    reading, spec = request.reading, _window(request.reference, request, chosen.types)
    with open_window(spec) as window:
        is_streamed = _is_streamed(window, request)
        baseline = Baseline.fit(
            window.batches() if is_streamed else window,
            chosen.kinds,
            max_rows=reading.max_reference_rows,
            max_value_bytes=reading.max_baseline_bytes,
            is_untyped=window.is_text,
        )
        if not request.slices:
            return baseline
        rows = window.batches() if is_streamed else window
        return baseline.with_slices(wheres_of(request.slices), rows)
