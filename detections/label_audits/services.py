"""Takes labels of a label audit in: each row's label once, and as it was given first."""

from collections.abc import Mapping
from math import isfinite
from typing import Any
from uuid import UUID

import structlog

from algorithms.decimals import LARGEST_EXACT
from algorithms.value_types import ValueType, value_type_of
from detections.label_audits.selectors import get_labels
from detections.models import GivenLabel, LabelAudit
from detections.outcomes.refusals import shown
from drift_detector.tenancy.scope import current_tenant_id
from monitors.sources import is_storable, table_from_bytes

log = structlog.get_logger(__name__)

LONGEST_LABEL = 500
A_NUMBER = "be a finite number, or true or false, as the predictions are"
AN_EXACT_NUMBER = "be a number that a float keeps: whole ones up to 2**53"
A_TEXT = f"be text of at most {LONGEST_LABEL} characters, as the predictions are"


class BadLabels(ValueError):
    """Labels that cannot be taken, with a sentence for their sender; none of them was."""


class OtherLabel(Exception):
    """A row has another label already; none of the labels was taken."""


def add_labels(audit_id: UUID, labels: Mapping[int, Any], by: str) -> LabelAudit:
    """Add labels to an audit, in the caller's transaction; a label that comes again changes nothing.

    The audit's row is locked: of two people who label at once, one waits for the other.

    Args:
        audit_id: The audit.
        labels: By their rows, from 1.
        by: The person or key that labels.

    Raises:
        LabelAudit.DoesNotExist: If there is no such audit.
        BadLabels: If a row is not among those drawn, or a label is of another type than the predictions.
        OtherLabel: If a row has another label.
    """
    audit = LabelAudit.objects.select_for_update(no_key=True).get(id=audit_id)
    read = _read_labels(audit, labels)
    known = get_labels(audit)
    _refuse_other(read, known)
    fresh = [
        GivenLabel(tenant_id=current_tenant_id(), audit=audit, row=row, label=label, created_by=by)
        for row, label in sorted(read.items())
        if row not in known
    ]
    GivenLabel.objects.bulk_create(fresh)
    log.info("labels_added", label_audit_id=str(audit.id), labels=len(fresh))
    return audit


def _read_labels(audit: LabelAudit, labels: Mapping[int, Any]) -> dict[int, str | float]:
    """The labels as they are stored: text, or numbers as floats."""
    beyond = [row for row in labels if row > audit.rows]
    if beyond:
        raise BadLabels(f"row must be from 1 to {audit.rows}, not {beyond[0]}.")
    kind = table_from_bytes(bytes(audit.drawn)).schema.field("prediction").type
    read = _read_text if value_type_of(kind) is ValueType.TEXT else _read_number
    return {row: read(row, label) for row, label in labels.items()}


def _read_text(row: int, label: Any) -> str:
    if not isinstance(label, str) or len(label) > LONGEST_LABEL or not is_storable(label):
        raise _bad_label(row, label, A_TEXT)
    return label


def _read_number(row: int, label: Any) -> float:
    if not isinstance(label, int | float):
        raise _bad_label(row, label, A_NUMBER)
    if isinstance(label, int) and abs(label) > LARGEST_EXACT:
        raise _bad_label(row, label, AN_EXACT_NUMBER)
    if not isfinite(label):
        raise _bad_label(row, label, A_NUMBER)
    return float(label)


def _bad_label(row: int, label: Any, need: str) -> BadLabels:
    return BadLabels(f"label of row {row} is {shown(label)}; it must {need}.")


def _refuse_other(labels: Mapping[int, Any], known: Mapping[int, Any]) -> None:
    for row, label in labels.items():
        if row in known and known[row] != label:
            raise OtherLabel(
                f"Row {row} has the label {shown(known[row])}, and {shown(label)} came now; a label stays as it was "
                "given."
            )
