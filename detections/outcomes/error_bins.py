"""Keeps a stream's error rate over time, in bins of four widths, when outcomes are accepted.

Each width has at most `MOST_BINS` bins, the latest, so a stream has the last two days by quarters of
an hour, and some years by weeks, in at most 800 rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa
from django.db import connection
from django.utils import timezone

from algorithms.arrays import FloatArray, IntArray
from detections.models import OutcomeStream

WIDTHS = (15 * 60, 6 * 3600, 86_400, 7 * 86_400)
"""Seconds of a bin, from the finest."""
MOST_BINS = 200
"""Bins of each width, and so of an answer."""
LATEST = timedelta(days=1)
"""How far in the future an outcome may lie; one beyond is in no bin, as it would push out all others."""
ADD = """
    INSERT INTO drf_error_bins
        (id, created_at, tenant_id, stream_id, width, start, outcomes, errors)
    SELECT id, now(), %(tenant)s, %(stream)s, width, start, outcomes, errors
    FROM unnest(%(ids)s::uuid[], %(widths)s::int[], %(starts)s::timestamptz[],
                %(outcomes)s::bigint[], %(errors)s::float8[])
         AS new (id, width, start, outcomes, errors)
    ON CONFLICT (tenant_id, stream_id, width, start) DO UPDATE
    SET outcomes = drf_error_bins.outcomes + EXCLUDED.outcomes,
        errors = drf_error_bins.errors + EXCLUDED.errors
"""
DROP_OLD = """
    DELETE FROM drf_error_bins AS old USING (
        SELECT width, max(start) AS newest FROM drf_error_bins
        WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s GROUP BY width
    ) AS latest
    WHERE old.tenant_id = %(tenant)s AND old.stream_id = %(stream)s AND old.width = latest.width
      AND old.start <= latest.newest - %(most)s * latest.width * interval '1 second'
"""


@dataclass(frozen=True, slots=True)
class _Bins:
    """Bins of one width, of the outcomes of a batch."""

    width: int
    starts: IntArray
    outcomes: IntArray
    errors: FloatArray

    def rows(self) -> Iterable[tuple[UUID, int, datetime, int, float]]:
        numbers = (self.starts.tolist(), self.outcomes.tolist(), self.errors.tolist())
        for start, outcomes, errors in zip(*numbers, strict=True):
            yield uuid4(), self.width, datetime.fromtimestamp(start, UTC), outcomes, errors


def add_errors(stream: OutcomeStream, occurred_at: pa.ChunkedArray, errors: FloatArray) -> None:
    """Add the errors of accepted outcomes to the stream's bins; the stream is locked.

    Args:
        stream: Locked, so that one batch after the other adds its own.
        occurred_at: Shape (n,), times in UTC.
        errors: Shape (n,), from 0 to 1.
    """
    seconds = occurred_at.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() // 1_000_000
    is_known = seconds <= (timezone.now() + LATEST).timestamp()
    seconds, errors = seconds[is_known], errors[is_known]
    if not len(seconds):
        return
    found = [_bins_of(width, seconds, errors) for width in WIDTHS]
    _write(stream, [row for bins in found for row in bins.rows()])


def _bins_of(width: int, seconds: IntArray, errors: FloatArray) -> _Bins:
    """The latest bins of these outcomes."""
    starts, place = np.unique(seconds // width * width, return_inverse=True)
    counts, sums = np.bincount(place), np.bincount(place, weights=errors)
    is_kept = starts > starts[-1] - MOST_BINS * width
    return _Bins(width, starts[is_kept], counts[is_kept], sums[is_kept])


def _write(stream: OutcomeStream, rows: Sequence[tuple[Any, ...]]) -> None:
    names = ("ids", "widths", "starts", "outcomes", "errors")
    columns: dict[str, Any] = {
        name: list(each) for name, each in zip(names, zip(*rows, strict=True), strict=True)
    }
    own: dict[str, Any] = {"tenant": stream.tenant_id, "stream": stream.id, "most": MOST_BINS}
    with connection.cursor() as cursor:
        cursor.execute(ADD, columns | own)
        cursor.execute(DROP_OLD, own)
