"""Makes label audits: a request is checked, and a worker reads the window and draws its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound

from algorithms.baseline import COLUMN_ERRORS
from algorithms.performance import REGRESSION_METRICS, Metric
from algorithms.performance.confidence_sequence import (
    FEWEST_LOSSES,
    rows_for_mean_loss,
    rows_for_share,
)
from algorithms.performance.estimates import CONFUSION_METRICS
from detections.label_audits.label_audit_results import result_of
from detections.label_audits.label_reading import check_predictions, find_fraction
from detections.label_audits.row_drawing import DrawnRows, NoColumn, draw_rows
from detections.label_audits.row_exports import MOST_AUDIT_ROWS
from detections.label_audits.selectors import Window, get_estimates, get_latest_window
from detections.label_audits.serializers import LabelAuditDetailSerializer
from detections.label_audits.shared_rows import (
    AuditedRows,
    list_neighbours,
    lock_label_audits,
    take_labels,
)
from detections.models import LabelAudit
from drift_detector.api.problems import Conflict
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.jobs.kinds import Answer, Ending
from monitors.models import Baseline, Job, Monitor
from monitors.monitor_windows import current_window
from monitors.prediction_tables import FEATURE
from monitors.selectors import get_current_baseline, get_source_policy
from monitors.sources import SourceError, SourcePolicy, table_to_bytes

MOST_BYTES = 16 * 2**20
"""Of the drawn rows, before they are compressed."""
SEED_BYTES = 7
NO_PREDICTIONS = "A label audit needs a monitor with a prediction_column."
NO_BASELINE = "A label audit needs a baseline that is ready."
NO_WINDOW = "No run has read rows of the monitor's data yet; give a window."
NO_ROWS = "No row of the window has a prediction."
NO_SPREAD = (
    "half_width needs the mean absolute error of the reference, which is known if mae has a limit in "
    "performance_limits; give rows instead."
)
TOO_NARROW = (
    "half_width must be larger: {:g} takes more than {:,} labelled rows, which is the most."
)
TOO_FEW = (
    "rows must be {} or more: of a window of {:,} rows, fewer give no interval of a mean error."
)
NO_CLASSES = (
    "Predictions such as {:g} are no classes. Set error_scale, or a limit on mae or rmse, for errors to be measured; "
    "or a limit on accuracy, if they are classes."
)
TOO_LARGE = "rows must be fewer: those drawn take {:,} bytes, and at most {:,} are kept."


class NotAuditable(Exception):
    """A label audit cannot be made of a monitor; the text says why."""


@dataclass(frozen=True, slots=True)
class _Context:
    """All that is needed to draw rows."""

    monitor: Monitor
    baseline: Baseline
    policy: SourcePolicy
    window: Window
    estimates: Mapping[str, Mapping[str, Any]]

    @property
    def kind(self) -> LabelAudit.Kind:
        """The kind of predictions."""
        return kind_of(self.monitor)

    @property
    def says_kind(self) -> bool:
        """True if the monitor measures errors, or has a limit that takes predictions for classes."""
        is_measured = self.kind == LabelAudit.Kind.REGRESSION
        return is_measured or not CONFUSION_METRICS.isdisjoint(self.monitor.performance_limits)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """An audit's rows, and what was found beside them."""

    rows: DrawnRows
    context: _Context
    seed: int


def kind_of(monitor: Monitor) -> LabelAudit.Kind:
    """Regression if a limit is on an error, or errors are measured on a scale."""
    has_losses = not REGRESSION_METRICS.isdisjoint(monitor.performance_limits)
    is_regression = has_losses or monitor.error_scale is not None
    return LabelAudit.Kind.REGRESSION if is_regression else LabelAudit.Kind.CLASSIFICATION


def plan_label_audit(monitor: Monitor, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the job that draws the rows of an audit.

    Args:
        monitor: The monitor.
        asked: As `LabelAuditRequestSerializer` checks it.

    Raises:
        NotAuditable: If the monitor has no predictions, no baseline, or no window that was read.
        ValidationError: If a column is sensitive, or a width cannot be planned.
        OverQuota: If the tenant may read or store no more.
    """
    baseline = get_current_baseline(monitor.id)
    if not monitor.prediction_column:
        raise NotAuditable(NO_PREDICTIONS)
    if baseline is None:
        raise NotAuditable(NO_BASELINE)
    window = _window(monitor, asked)
    _check_columns(monitor, asked.get("columns", ()))
    if "half_width" in asked and kind_of(monitor) == LabelAudit.Kind.REGRESSION:
        _spread_of(_metrics_of(baseline))
    check_room(Quota.BYTES_READ, Quota.STORAGE)
    start, end = (moment.astimezone(UTC).isoformat() for moment in window)
    kept = {name: asked[name] for name in ("rows", "half_width", "columns") if name in asked}
    return kept | {"start": start, "end": end}


def _window(monitor: Monitor, asked: Mapping[str, Any]) -> Window:
    if "window" in asked:
        return asked["window"]["start"], asked["window"]["end"]
    latest = get_latest_window(monitor.id)
    if latest is None:
        raise NotAuditable(NO_WINDOW)
    return latest


def _check_columns(monitor: Monitor, columns: Sequence[str]) -> None:
    roles = {monitor.timestamp_column, monitor.prediction_column, monitor.score_column}
    hidden = {*monitor.sensitive_features, monitor.label_column, *roles}
    refused = [name for name in columns if name in hidden]
    if refused:
        reason = "must name other columns than sensitive features and those with a role"
        raise ValidationError({"columns": f"columns {reason}; {refused[0]!r} is one."})


def _metrics_of(baseline: Baseline) -> dict[str, Any]:
    """The audited metrics over the reference, as the baseline stores them."""
    stored: dict[str, Any] = (baseline.performance or {}).get("metrics", {})
    audited = (Metric.ACCURACY, Metric.MAE, Metric.RMSE)
    return {name: found for name, found in stored.items() if name in audited}


def _spread_of(metrics: Mapping[str, Any]) -> float:
    """The standard deviation of the reference's absolute errors.

    Raises:
        ValidationError: If it is not known.
    """
    known = metrics.get(Metric.MAE, {})
    if not known.get("standard_error"):
        raise ValidationError({"half_width": NO_SPREAD})
    deviation: float = known["standard_error"] * known["n"] ** 0.5
    return deviation


def read_for_label_audit(job: Job) -> Ending:
    """Draw the rows that a job asks for. No transaction may be open.

    Raises:
        ValidationError: If the window or the baseline cannot be read, or the rows are too many, too few or none.
        Conflict: If predictions are no classes, and the monitor says nothing of errors.
        NotFound: If the monitor is not there any more.
    """
    with tenant_scope(job.tenant_id):
        context = _context_of(job)
    drawn = _draw(job, context)
    return partial(_create, job, drawn)


def _context_of(job: Job) -> _Context:
    monitor = _monitor_of(job, Monitor.objects.all())
    baseline = get_current_baseline(monitor.id)
    if baseline is None:
        raise ValidationError(NO_BASELINE)
    start, end = (datetime.fromisoformat(job.fields[name]) for name in ("start", "end"))
    estimates = get_estimates(monitor.id, (start, end))
    return _Context(monitor, baseline, get_source_policy(), (start, end), estimates)


def _monitor_of(job: Job, monitors: QuerySet[Monitor]) -> Monitor:
    monitor = monitors.filter(id__in=[job.monitor_id]).first()
    if monitor is None:
        raise NotFound("There is no such object.")
    return monitor


def _draw(job: Job, context: _Context) -> _Drawn:
    monitor, seed = context.monitor, seed_of(context.monitor.id)
    try:
        drawn = draw_rows(
            monitor,
            current_window(monitor, context.policy, context.window),
            frozen_baselines.get(context.baseline),
            job.fields.get("columns", ()),
            types=context.baseline.prediction_types or {},
            is_measured=context.kind == LabelAudit.Kind.REGRESSION,
            most=job.fields.get("rows", MOST_AUDIT_ROWS),
            seed=seed,
        )
    except NoColumn as error:
        raise ValidationError({"columns": str(error)}) from error
    except (SourceError, UnreadableBaseline, *COLUMN_ERRORS) as error:
        raise ValidationError({"window": str(error)}) from error
    rows = _cut(job, context, drawn)
    _check_rows(context, rows)
    return _Drawn(rows, context, seed)


def seed_of(monitor_id: UUID) -> int:
    """The seed of all draws of a monitor: its windows agree on the order of the rows that they share."""
    return int.from_bytes(sha256(str(monitor_id).encode()).digest()[:SEED_BYTES])


def _check_rows(context: _Context, rows: DrawnRows) -> None:
    """Refuse rows whose labels could not be compared with their predictions."""
    predictions = rows.table["prediction"].combine_chunks()
    if not context.says_kind and (fraction := find_fraction(predictions)) is not None:
        raise Conflict(NO_CLASSES.format(fraction))
    try:
        check_predictions(context.kind, predictions)
    except COLUMN_ERRORS as error:
        raise ValidationError({"window": str(error)}) from error


def _cut(job: Job, context: _Context, drawn: DrawnRows) -> DrawnRows:
    """The rows that are needed, the first ones of the draw."""
    if not drawn.population:
        raise ValidationError({"window": NO_ROWS})
    table = drawn.table
    if context.kind == LabelAudit.Kind.REGRESSION:
        _check_rows_of_losses(table.num_rows, drawn.population)
    if (half_width := job.fields.get("half_width")) is not None:
        table = table.slice(0, _rows_needed(context, half_width, drawn.population))
    if table.nbytes > MOST_BYTES:
        raise ValidationError({"rows": TOO_LARGE.format(table.nbytes, MOST_BYTES)})
    return DrawnRows(table, drawn.population)


def _check_rows_of_losses(rows: int, population: int) -> None:
    """Refuse fewer rows than an interval of losses takes, unless they are all."""
    if rows < min(FEWEST_LOSSES, population):
        raise ValidationError({"rows": TOO_FEW.format(FEWEST_LOSSES, population)})


def _rows_needed(context: _Context, half_width: float, population: int) -> int:
    metrics, bounds = (
        _metrics_of(context.baseline),
        {"rows": population, "most": MOST_AUDIT_ROWS},
    )
    if context.kind == LabelAudit.Kind.REGRESSION:
        rows = rows_for_mean_loss(half_width, deviation=_spread_of(metrics), **bounds)
    else:
        share = _expected_share(metrics, context.estimates)
        rows = rows_for_share(half_width, share=share, **bounds)
    if rows is None:
        raise ValidationError({"half_width": TOO_NARROW.format(half_width, MOST_AUDIT_ROWS)})
    return rows


def _expected_share(
    metrics: Mapping[str, Any], estimates: Mapping[str, Mapping[str, Any]]
) -> float:
    """The accuracy that is expected: of the reference's and the estimate, the one that takes more rows; else 0.5."""
    known = [
        metrics.get(Metric.ACCURACY, {}).get("value"),
        estimates.get(Metric.ACCURACY, {}).get("statistic"),
    ]
    shares = [share for share in known if share is not None]
    return min(shares, key=lambda share: abs(share - 0.5), default=0.5)


def _create(job: Job, drawn: _Drawn) -> Answer:
    """Keep the drawn rows, or answer with the audit that has them already."""
    monitor = _monitor_of(job, Monitor.objects.select_for_update(no_key=True))
    lock_label_audits(monitor.id)
    rows = AuditedRows(_without_sensitive(drawn.rows.table, monitor), drawn.rows.population)
    neighbours = list_neighbours(monitor, drawn.context.kind, drawn.context.window)
    twins = [each for each in neighbours if rows.has_window_of(AuditedRows.of(each))]
    known = next((each for each in reversed(twins) if _answers(each, job, rows)), None)
    if known is not None:
        return Answer(200, LabelAuditDetailSerializer(result_of(known, monitor)).data, monitor.id)
    audit = _kept(job, drawn, rows, monitor, _plans(twins, rows.table.num_rows))
    take_labels(audit)
    return Answer(201, LabelAuditDetailSerializer(result_of(audit, monitor)).data, monitor.id)


def _without_sensitive(table: pa.Table, monitor: Monitor) -> pa.Table:
    """The rows without the features that became sensitive while they were read."""
    hidden = {FEATURE + name for name in monitor.sensitive_features}
    return table.select([name for name in table.column_names if name not in hidden])


def _answers(audit: LabelAudit, job: Job, rows: AuditedRows) -> bool:
    """True if an audit of the same window has all that is asked for."""
    is_enough = audit.rows >= rows.table.num_rows
    return is_enough and set(job.fields.get("columns", ())) <= set(audit.columns)


def _plans(twins: Sequence[LabelAudit], rows: int) -> list[int]:
    """The plans of the audits of the same window before, and that of a new one if it is for more rows."""
    known = max((each.plans or [each.rows] for each in twins), key=len, default=[])
    return [*known, rows] if not known or rows > known[-1] else known


def _kept(
    job: Job, drawn: _Drawn, rows: AuditedRows, monitor: Monitor, plans: list[int]
) -> LabelAudit:
    context = drawn.context
    return LabelAudit.objects.create(
        tenant_id=job.tenant_id,
        monitor=monitor,
        window_start=context.window[0],
        window_end=context.window[1],
        kind=context.kind,
        half_width=job.fields.get("half_width"),
        population=rows.population,
        rows=rows.table.num_rows,
        plans=plans,
        columns=job.fields.get("columns", []),
        seed=drawn.seed,
        reference=_metrics_of(context.baseline),
        drawn=table_to_bytes(rows.table),
        created_by=job.requested_by,
    )
