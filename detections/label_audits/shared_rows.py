"""Finds rows that several label audits of a monitor have drawn; a label that is given to one holds in each of them."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import pyarrow as pa
from django.db.models import Q, QuerySet

from detections.label_audits.label_reading import ReadLabel
from detections.label_audits.row_drawing import KEY, TIME
from detections.label_audits.selectors import Window, get_drawn_rows
from detections.models import GivenLabel, LabelAudit
from drift_detector.tenancy.scope import current_tenant_id, lock_local
from monitors.models import Monitor

ROW_COLUMNS = (KEY, TIME, "prediction")
"""What rows are the same by, where they have a time."""


@dataclass(frozen=True, slots=True)
class AuditedRows:
    """Rows that were drawn of a window, in their order.

    Attributes:
        table: As `DrawnRows` has it.
        population: Rows of the window with a prediction.
    """

    table: pa.Table
    population: int

    @classmethod
    def of(cls, audit: LabelAudit) -> Self:
        """The rows of an audit."""
        return cls(get_drawn_rows(audit), audit.population)

    def has_window_of(self, other: Self) -> bool:
        """True if both were drawn of the same rows: one draw begins with the other."""
        if self.population != other.population or self._is_keyed != other._is_keyed:
            return False
        if self._is_keyed:
            return all(
                mine == others for mine, others in zip(self._rows, other._rows, strict=False)
            )
        common = [name for name in self.table.column_names if name in other.table.column_names]
        rows = min(self.table.num_rows, other.table.num_rows)
        mine, others = (each.table.select(common).slice(0, rows) for each in (self, other))
        return repr(mine.to_pydict()) == repr(others.to_pydict())  # in which NaN is NaN

    @property
    def _is_keyed(self) -> bool:
        return KEY in self.table.column_names

    def places_in(self, other: Self) -> dict[int, int]:
        """The number of each row that the other draw has too, with its number there, from 1."""
        if self.has_window_of(other):
            return {
                row: row for row in range(1, min(self.table.num_rows, other.table.num_rows) + 1)
            }
        places = {row: place for place, row in enumerate(other._rows, 1)}
        return {number: places[row] for number, row in enumerate(self._rows, 1) if row in places}

    @property
    def _rows(self) -> Iterable[Hashable]:
        """The identity of each row; empty where rows have no time, as other rows can be in their place by now."""
        if not self._is_keyed:
            return []
        return zip(*(self.table[name].to_pylist() for name in ROW_COLUMNS), strict=True)


def lock_label_audits(monitor_id: UUID) -> None:
    """Wait until no one else draws or labels rows of the monitor, until the transaction ends."""
    lock_local(f"label audits of {monitor_id}")


def list_neighbours(monitor: Monitor, kind: str, window: Window) -> QuerySet[LabelAudit]:
    """The label audits of a monitor that can have rows of a window, the oldest first."""
    start, end = window
    overlaps = Q(window_start__lt=end, window_end__gt=start)
    audits = LabelAudit.objects.filter(monitor=monitor, kind=kind).order_by("created_at", "id")
    return audits.filter(overlaps) if monitor.timestamp_column else audits


def share_labels(audit: LabelAudit, labels: Mapping[int, ReadLabel], by: str) -> None:
    """Give labels of an audit to the same rows in its neighbours."""
    mine, window = AuditedRows.of(audit), (audit.window_start, audit.window_end)
    for other in list_neighbours(audit.monitor, audit.kind, window).exclude(id=audit.id):
        places = mine.places_in(AuditedRows.of(other))
        shared = {places[row]: label for row, label in labels.items() if row in places}
        _add(other, {row: (label, by) for row, label in shared.items()})


def take_labels(audit: LabelAudit) -> None:
    """Give a new audit the labels that its rows have in its neighbours."""
    mine, window = AuditedRows.of(audit), (audit.window_start, audit.window_end)
    for other in list_neighbours(audit.monitor, audit.kind, window).exclude(id=audit.id):
        places = AuditedRows.of(other).places_in(mine)
        given = other.labels.values_list("row", "label", "created_by")
        _add(audit, {places[row]: (label, by) for row, label, by in given if row in places})


def _add(audit: LabelAudit, labels: Mapping[int, tuple[ReadLabel, str]]) -> None:
    """Labels by their rows, each with who gave it; a row that has one keeps it."""
    tenant_id = current_tenant_id()
    fresh = [
        GivenLabel(tenant_id=tenant_id, audit=audit, row=row, label=label, created_by=by)
        for row, (label, by) in sorted(labels.items())
    ]
    GivenLabel.objects.bulk_create(fresh, ignore_conflicts=True)
