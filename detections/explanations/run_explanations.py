"""Explains a run: finds the slices of its window that carry the drift, for a job that a worker answers."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.slices.drifting_slices import DriftingSlice, find_drifting_slices
from algorithms.slices.parsing import parse_condition
from algorithms.slices.row_samples import RowSample, sample_rows
from algorithms.slices.slice_conditions import columns_of
from algorithms.slices.slice_forms import LONGEST_SLICE_NAME
from algorithms.verdicts import Verdict
from detections.evaluation.context import (
    BaselineNotReady,
    NoBaseline,
    RunContext,
    load_context,
    open_run_window,
)
from detections.explanations.serializers import ExplanationSerializer
from detections.models import Detection, DetectionRun
from drift_detector.formats import counted
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.jobs.kinds import Answer, Ending
from monitors.models import Job, Monitor
from monitors.monitor_windows import Columns, frozen_column_types, frozen_reference_window
from monitors.sources import LazyWindow, SourceError, open_window

MOST_ROWS = 50_000
"""Rows of each window that slices are searched in; half of them are held out."""
SEEDS = 2**32
NEEDS_ROWS = "An explanation needs a succeeded run with rows."
NOTHING_LOCAL = (
    "No slice carries a drift of its own: what the window shows is about the same in all its parts."
)
UNREADABLE = (SourceError, UnreadableBaseline, NoBaseline, BaselineNotReady)


class NotExplainable(Exception):
    """A run cannot be explained; the text says why."""


def check_explainable(run: DetectionRun) -> None:
    """Check that a run has read rows, and that the tenant may read more bytes.

    Raises:
        NotExplainable: If the run was never judged.
        OverQuota: If the tenant has read as many bytes as it may.
    """
    if run.status != DetectionRun.Status.SUCCEEDED or not run.rows:
        raise NotExplainable(NEEDS_ROWS)
    check_room(Quota.BYTES_READ)


def read_for_explanation(job: Job) -> Ending:
    """Read rows of both windows of a job's run and find the slices. No transaction may be open.

    Raises:
        ValidationError: If a window or the baseline cannot be read any more.
        NotFound: If the run is not there any more.
    """
    with tenant_scope(job.tenant_id):
        context = _context_of(job)
        targets = drifted_features(context.run.id)
    try:
        found = _find(context, targets)
    except UNREADABLE as error:
        raise ValidationError({"run": str(error) or NEEDS_ROWS}) from error
    return partial(_answer, found)


def _context_of(job: Job) -> RunContext:
    try:
        return load_context(UUID(str(job.fields["run"])))
    except DetectionRun.DoesNotExist as error:
        raise NotFound("There is no such object.") from error
    except (NoBaseline, BaselineNotReady) as error:
        raise ValidationError({"run": str(error)}) from error


def drifted_features(run_id: UUID) -> list[str]:
    """The features that drifted in a run, of the whole window or of a slice."""
    rows = Detection.objects.filter(run_id=run_id, is_drifted=True, counts=True).values_list(
        "details", "slices"
    )
    records = [record for pair in rows for part in pair for record in part]
    drifted = [each["feature"] for each in records if each.get("verdict") == Verdict.DRIFT]
    return list(dict.fromkeys(drifted))


def _find(context: RunContext, targets: Sequence[str]) -> dict[str, Any]:
    frozen = frozen_baselines.get(context.baseline)
    followed = [name for name in targets if name in frozen.features]
    reference, current = _samples(context, frozen)
    slices = find_drifting_slices(
        frozen.features,
        reference,
        current,
        targets=followed,
        sensitive=context.monitor.sensitive_features,
        seed=context.run.id.int % SEEDS,
    )
    return {
        "run_id": context.run.id,
        "monitor_id": context.monitor.id,
        "features": followed,
        "rows": current.rows,
        "sampled_rows": current.num_rows,
        "sampled_reference_rows": reference.num_rows,
        "slices": [_shown(each, current.rows) for each in slices],
    }


def _samples(context: RunContext, frozen: FrozenBaseline) -> tuple[RowSample, RowSample]:
    """Rows of the reference of the run's own baseline, and of the run's window."""
    columns, seed = frozen_column_types(frozen), context.run.id.int % SEEDS
    monitor, baseline, policy = context.monitor, context.baseline, context.policy
    spec = frozen_reference_window(monitor, baseline, policy, columns)
    with open_window(spec) as window:
        reference = sample_rows(window.batches(), MOST_ROWS, seed)
    return reference, _sample_of_run(context, columns, seed)


def _sample_of_run(context: RunContext, columns: Columns, seed: int) -> RowSample:
    with open_run_window(context, columns) as window:
        return sample_rows(_batches(window), MOST_ROWS, seed)


def _batches(window: pa.Table | LazyWindow) -> Iterable[pa.RecordBatch]:
    return window.to_batches() if isinstance(window, pa.Table) else window.batches()


def _shown(each: DriftingSlice, rows: int) -> dict[str, Any]:
    return {
        "name": each.where[:LONGEST_SLICE_NAME],
        "columns": columns_of(parse_condition(each.where)),
        "rows": round(each.support * rows),
        **asdict(each),
    }


def _answer(found: dict[str, Any]) -> Answer:
    """The answer; a feature that became sensitive while the data was read stands in no condition."""
    monitors: QuerySet[Monitor] = Monitor.objects.select_for_update(no_key=True)
    monitor = monitors.filter(id=found["monitor_id"]).first()
    if monitor is None:
        raise NotFound("There is no such object.")
    sensitive = set(monitor.sensitive_features)
    slices = [each for each in found["slices"] if sensitive.isdisjoint(each["columns"])]
    body = found | {"slices": slices, "summary": summary_of(slices)}
    return Answer(200, ExplanationSerializer(body).data, monitor.id)


def summary_of(slices: Sequence[dict[str, Any]]) -> str:
    """The found slices in a sentence."""
    if not slices:
        return NOTHING_LOCAL
    first = slices[0]
    share = f"{first['support']:.1%} of the rows"
    others = len(slices) - 1
    more = f"; {counted(others, 'more slice')} also" if others else ""
    return f"{first['feature']} moved inside {first['where']} ({share}) otherwise than in the rest{more}."
