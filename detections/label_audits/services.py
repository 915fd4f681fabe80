"""Takes labels of a label audit in: each row's label once, and as it was given first."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import structlog

from detections.label_audits.label_reading import (
    BadLabel,
    BadLabels,
    LabelReader,
    ReadLabel,
)
from detections.label_audits.selectors import get_drawn_rows, get_labels
from detections.label_audits.shared_rows import lock_label_audits, share_labels
from detections.models import GivenLabel, LabelAudit
from detections.outcomes.refusals import shown
from drift_detector.tenancy.scope import current_tenant_id

log = structlog.get_logger(__name__)


class OtherLabel(Exception):
    """A row has another label already; none of the labels was taken."""


def add_labels(
    audit_id: UUID, labels: Mapping[int, Any], by: str, *, is_csv: bool = False
) -> LabelAudit:
    """Add labels to an audit, in the caller's transaction; a label that comes again changes nothing.

    The same row has the label in each audit of the monitor that has drawn it. The monitor's audits are locked: of two
    people who label at once, one waits for the other.

    Args:
        audit_id: The audit.
        labels: By their rows, from 1.
        by: The person or key that labels.
        is_csv: True if labels are cells of CSV.

    Raises:
        LabelAudit.DoesNotExist: If there is no such audit.
        BadLabels: If a row is not among those drawn, or a label cannot be compared with the predictions.
        OtherLabel: If a row has another label.
    """
    audit = LabelAudit.objects.select_related("monitor").get(id=audit_id)
    lock_label_audits(audit.monitor_id)
    known = get_labels(audit)
    reader = LabelReader.of(audit.kind, get_drawn_rows(audit)["prediction"], known.values())
    read = _read_labels(audit, labels, reader.read_cell if is_csv else reader.read)
    _refuse_other(read, known)
    fresh = {row: label for row, label in read.items() if row not in known}
    tenant_id = current_tenant_id()
    GivenLabel.objects.bulk_create(
        GivenLabel(tenant_id=tenant_id, audit=audit, row=row, label=label, created_by=by)
        for row, label in fresh.items()
    )
    share_labels(audit, fresh, by)
    log.info("labels_added", label_audit_id=str(audit.id), labels=len(fresh))
    return audit


def _read_labels(
    audit: LabelAudit, labels: Mapping[int, Any], read: Callable[[Any], ReadLabel]
) -> dict[int, ReadLabel]:
    """The labels as they are stored."""
    beyond = [row for row in labels if row > audit.rows]
    if beyond:
        raise BadLabels(f"row must be from 1 to {audit.rows}, not {beyond[0]}.")
    return {row: _read(row, label, read) for row, label in sorted(labels.items())}


def _read(row: int, label: Any, read: Callable[[Any], ReadLabel]) -> ReadLabel:
    try:
        return read(label)
    except BadLabel as error:
        raise BadLabels(f"label of row {row} is {shown(label)}; it must {error.need}.") from error


def _refuse_other(labels: Mapping[int, ReadLabel], known: Mapping[int, ReadLabel]) -> None:
    for row, label in labels.items():
        if row in known and known[row] != label:
            raise OtherLabel(
                f"Row {row} has the label {shown(known[row])}, and {shown(label)} came now; a label stays as it was "
                "given."
            )
