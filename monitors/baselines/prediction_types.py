"""Finds how predictions and labels are read from CSV: as the reference writes or stores them."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.columns import FeatureKind
from algorithms.performance import REGRESSION_METRICS
from algorithms.value_types import NUMBERS, ValueType, value_type_of
from monitors.baselines.reference_performance import limits_of
from monitors.models import Monitor
from monitors.monitor_windows import reference_window
from monitors.sources import (
    ColumnType,
    CsvDialect,
    LazyWindow,
    SourceError,
    SourcePolicy,
    open_window,
)

TRUTHS, INTEGERS, DECIMALS = "truths", "integers", "decimals"
WAYS_OF_TYPES = {
    ColumnType.LENIENT_TRUTH: frozenset({TRUTHS}),
    ColumnType.LENIENT_NUMERIC: frozenset({INTEGERS, DECIMALS}),
}
TYPES_OF_KINDS = {
    FeatureKind.CATEGORICAL: ColumnType.TEXT,
    FeatureKind.NUMERIC: ColumnType.LENIENT_NUMERIC,
}


def find_prediction_types(monitor: Monitor, policy: SourcePolicy) -> dict[str, str] | None:
    """The way to read the columns of predictions and labels from CSV, whatever one window holds.

    Measures are numbers. Classes of CSV are numbers where numbers would be written as the words of
    the reference are; `02134` and `1.10` are words that no number is written as. Where one of the
    two columns holds such words, both are text.

    Returns:
        Each column whose type is known; None if the monitor has no column of predictions.

    Raises:
        SourceError: If the reference cannot be read now and can be later.
    """
    if not monitor.prediction_column:
        return None
    columns = [monitor.prediction_column, monitor.label_column]
    if _holds_measures(monitor):
        found = dict.fromkeys(columns, ColumnType.LENIENT_NUMERIC)
    else:
        found = _completed(columns, _types_in_reference(monitor, policy, columns))
    return {name: each.value for name, each in (found | _named_types(monitor, columns)).items()}


def _holds_measures(monitor: Monitor) -> bool:
    """True if predictions and labels are numbers with a distance, and not classes."""
    limits = set(limits_of(monitor))
    return monitor.error_scale is not None or (bool(limits) and limits <= REGRESSION_METRICS)


def _named_types(monitor: Monitor, columns: Collection[str]) -> dict[str, ColumnType]:
    """The types of the columns whose kind the monitor names."""
    kinds = {name: kind for name, kind in monitor.feature_kinds.items() if name in columns}
    return {name: TYPES_OF_KINDS[FeatureKind(kind)] for name, kind in kinds.items()}


def _completed(columns: Collection[str], found: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """The types with that of the other column where one is not known."""
    known = next(iter(found.values()), None)
    return {} if known is None else {name: found.get(name, known) for name in columns}


def _types_in_reference(
    monitor: Monitor, policy: SourcePolicy, columns: Collection[str]
) -> dict[str, ColumnType]:
    spec = reference_window(monitor, policy, dict.fromkeys(columns, ColumnType.TEXT))
    try:
        with open_window(spec) as window:
            if window.is_text:
                return _written_types(window, spec.dialect)
            return dict(_stored_types(window))
    except SourceError as error:
        if error.is_transient:
            raise
        return {}  # what is wrong with the columns is said where they are measured


def _stored_types(window: LazyWindow) -> Iterator[tuple[str, ColumnType]]:
    for each in window.narrowed.schema:
        value_type = value_type_of(each.type)
        if value_type is ValueType.TEXT:
            yield each.name, ColumnType.TEXT
        elif value_type is ValueType.BOOLEAN:
            yield each.name, ColumnType.LENIENT_TRUTH
        elif value_type in NUMBERS:
            yield each.name, ColumnType.LENIENT_NUMERIC


def _written_types(window: LazyWindow, dialect: CsvDialect) -> dict[str, ColumnType]:
    spellings = {name: _Spelling(_patterns(dialect)) for name in window.column_names}
    for batch in window.batches():
        for name, spelling in spellings.items():
            spelling.add(batch.column(name), dialect.null_words)
    found = {name: each.type for name, each in spellings.items() if each.is_known}
    if ColumnType.TEXT in found.values():
        return dict.fromkeys(found, ColumnType.TEXT)
    return found


@dataclass(slots=True)
class _Spelling:
    """The ways in which all words of a column so far can be written.

    Attributes:
        patterns: The ways that are left, each with the regular expression of its words.
        is_known: True if the column has a word at all.
    """

    patterns: dict[str, str]
    is_known: bool = field(default=False)

    def add(self, words: pa.Array, null_words: Collection[str]) -> None:
        """Take further words into account."""
        trimmed = pc.utf8_trim_whitespace(words).drop_null()
        is_missing = pc.is_in(trimmed, value_set=pa.array([*null_words], trimmed.type))
        known = trimmed.filter(pc.invert(is_missing))
        self.is_known = self.is_known or len(known) > 0
        self.patterns = {
            way: pattern for way, pattern in self.patterns.items() if _match_all(known, pattern)
        }

    @property
    def type(self) -> ColumnType:
        """The way to read such words so that none loses a letter."""
        fitting = (each for each, ways in WAYS_OF_TYPES.items() if ways & self.patterns.keys())
        return next(fitting, ColumnType.TEXT)


def _match_all(words: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py() is not False)


def _patterns(dialect: CsvDialect) -> dict[str, str]:
    """Words as truths and numbers are written; numbers with digits that int64 and float64 keep."""
    point = re.escape(dialect.decimal)
    return {
        TRUTHS: r"^(?i:true|false)$",
        INTEGERS: r"^-?(0|[1-9]\d{0,17})$",
        DECIMALS: rf"^-?(0|[1-9]\d{{0,14}})({point}(0|\d{{0,14}}[1-9]))?([eE][+-]?\d{{1,3}})?$",
    }
