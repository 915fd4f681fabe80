"""Specify a window of data: the place, the columns and the time that one read takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitors.sources.column_types import ColumnType
from monitors.sources.csv_dialect import DEFAULT_DIALECT, CsvDialect
from monitors.sources.local_times import UTC_ZONE
from monitors.sources.policy import SourcePolicy
from monitors.sources.time_filters import Timeframe


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """The rows with `start <= timestamp < end` of the data behind a URI.

    Attributes:
        uri: A file, a folder or a pattern, as the tenant wrote it.
        policy: The places that may be read.
        columns: Names to read, in the order wanted. A window leaves out names that the data does
            not have. None reads all. The timestamp column is returned only if it is among them.
        timestamp_column: A timestamp or a date. It may be a partition key, and then folders outside
            the window are not opened.
        start: Inclusive and aware; None is unbounded.
        end: Exclusive and aware; None is unbounded. Rows with a null timestamp are in no bounded
            window.
        without: Spans of time, aware, whose rows are left out.
        types: How columns of CSV files are read; the others are guessed. Other formats say it
            themselves.
        dialect: How CSV files are written.
        zone: The IANA zone in which dates and times without a zone are read.
        sensitive: Columns whose values no reason quotes.
    """

    uri: str
    policy: SourcePolicy
    columns: Sequence[str] | None = None
    timestamp_column: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    without: tuple[tuple[datetime, datetime], ...] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    dialect: CsvDialect = DEFAULT_DIALECT
    zone: str = UTC_ZONE
    sensitive: frozenset[str] = frozenset()

    @property
    def timeframe(self) -> Timeframe:
        """The time that the window covers.

        Raises:
            ValueError: If a bound is naive, the bounds are reversed, or a bound is given without a
                timestamp column.
        """
        return Timeframe(self.timestamp_column, self.start, self.end, self.zone, self.without)
