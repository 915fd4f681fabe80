"""Holds the result of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from algorithms.library.skipped_files import shorten_name
from algorithms.method_results import MethodResult
from algorithms.methods import Method
from algorithms.pictures import Drawing
from algorithms.verdicts import Verdict
from detections.outcomes.source_data import NewOutcomes
from monitors.sources import FileCounts, SkippedFile

MOST_SKIPPED = 20
"""The most skipped files that a run keeps by name; all of them are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The rows and files that a run has read for its window.

    Attributes:
        rows: Rows of the window, before any is left out; None if it was not read to its end.
        files: The files of the window; None if it was not read to its end, or not from files.
        size: The bytes of the files, of Parquet those of the columns and row groups that were read; they count
            against the tenant's quota.
    """

    rows: int | None = None
    files: FileCounts | None = None
    size: int = 0

    def as_columns(self) -> dict[str, Any]:
        """The columns of the ledger that say so."""
        skipped = self.files.skipped if self.files else ()
        return {
            "rows_read": self.rows,
            "files_read": self.files.read if self.files else None,
            "bytes_read": self.size or None,
            "files_skipped": [_shown(file) for file in skipped[:MOST_SKIPPED]],
            "files_skipped_count": len(skipped),
        }


def _shown(file: SkippedFile) -> dict[str, str]:
    return {"file": shorten_name(file.name), "reason": file.reason}


NOTHING_READ = Reading()


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The result of a run; `is_failed` when the window could not be judged at all.

    `rows` are those that were judged, `reading` says how many were read.
    `new_outcomes` are the rows of predictions and labels that the run found and that its stream may not have yet.
    `p_value` is that of the run as a whole, see `run_p_value`; None if it has none. `has_null` says whether null models
    of the reference's own windows are in it.
    `drawing` holds the pictures of the judged window.
    `phases` are the seconds that each phase of the evaluation took; two results are equal without them.
    """

    verdict: Verdict
    reason: str = ""
    rows: int | None = None
    reading: Reading = NOTHING_READ
    baseline_id: UUID | None = None
    methods: tuple[MethodResult, ...] = ()
    new_outcomes: NewOutcomes | None = None
    drawing: Drawing | None = None
    p_value: float | None = None
    has_null: bool = False
    phases: Mapping[str, float] | None = field(default=None, compare=False)
    is_failed: bool = False


NOTHING_MEASURED = MethodResult(
    method=Method.KS, verdict=Verdict.ERROR, is_drifted=False, severity=None, worst_feature=None,
    statistic=None, threshold=None, p_value=None, effect_size=None, details=(),
)  # fmt: skip


def failure(reason: str, *, methods: list[str]) -> RunResult:
    """The result of a run that could not be judged: each method has the verdict `error`."""
    return replace(not_compared(Verdict.ERROR, reason, methods=methods), is_failed=True)


def not_compared(verdict: Verdict, reason: str, *, methods: list[str]) -> RunResult:
    """The result of a comparison that was not made: each method has the verdict."""
    nothing = replace(NOTHING_MEASURED, verdict=verdict)
    method_results = tuple(replace(nothing, method=Method(name)) for name in methods)
    return RunResult(verdict=verdict, reason=reason, methods=method_results)
