"""Reads label audits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.db.models import Case, Count, F, QuerySet, Value, When

from algorithms.method_results import PerformanceMethod
from detections.models import Detection, DetectionRun, LabelAudit
from monitors.sources import table_from_bytes

OPEN, COMPLETE = "open", "complete"

type Window = tuple[datetime, datetime]


def list_label_audits(monitor_id: UUID) -> QuerySet[LabelAudit]:
    """A monitor's label audits with their status and the number of labels, the newest first, without their rows."""
    audits = LabelAudit.objects.filter(monitor_id=monitor_id).defer("drawn")
    labelled = audits.annotate(labelled=Count("labels"))
    is_complete = When(labelled=F("rows"), then=Value(COMPLETE))
    return labelled.annotate(status=Case(is_complete, default=Value(OPEN)))


def get_latest_window(monitor_id: UUID) -> Window | None:
    """The latest window of a monitor's data that a run has read rows of."""
    runs = DetectionRun.objects.filter(
        monitor_id=monitor_id, status=DetectionRun.Status.SUCCEEDED, rows__gt=0
    )
    own = runs.filter(inline_data__isnull=True).order_by("-window_end", "-id")
    return own.values_list("window_start", "window_end").first()


def get_estimates(monitor_id: UUID, window: Window) -> dict[str, Mapping[str, Any]]:
    """The newest estimate of each metric of a window, as the details of a detection; none without one."""
    start, end = window
    estimated = Detection.objects.filter(
        monitor_id=monitor_id,
        method=PerformanceMethod.ESTIMATED,
        window_start=start,
        window_end=end,
    )
    newest = estimated.order_by("-created_at").values_list("details", flat=True).first()
    return {detail["feature"]: detail for detail in newest or ()}


def get_labels(audit: LabelAudit) -> dict[int, str | float]:
    """The labels of an audit by their rows, which are numbered from 1: text, or numbers as floats."""
    labels = audit.labels.order_by("row").values_list("row", "label")
    return {row: label if isinstance(label, str) else float(label) for row, label in labels}


def get_drawn_rows(audit: LabelAudit) -> pa.Table:
    """The drawn rows of an audit in their order, each column in one piece."""
    return table_from_bytes(bytes(audit.drawn)).combine_chunks()
