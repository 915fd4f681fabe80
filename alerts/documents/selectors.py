"""Reads documents, and what they own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from alerts.documents.document_forms import Asked
from alerts.models import Document, DocumentObject
from monitors.budgets.levels import get_budget
from monitors.models import Monitor

Kind = DocumentObject.Kind


@dataclass(frozen=True, kw_only=True)
class Present:
    """The present state of everything that a document names or owns.

    Attributes:
        document: The document as it was applied last.
        model_id: The model that the document names.
        monitors: Those that it names, and those that it owns.
        applied: The settings that it has applied, by the id of the monitor.
        owners: The names of other documents, by the ids of the monitors that they own.
        false_alerts_per_month: The model's budget; None if it has none.
        budget_applied: What the document has applied as the budget.
        budget_owner: The name of another document that owns the budget; empty if none does.
    """

    document: Document | None
    model_id: UUID
    monitors: Sequence[Monitor]
    applied: Mapping[UUID, dict[str, Any]]
    owners: Mapping[UUID, str]
    false_alerts_per_month: float | None
    budget_applied: dict[str, Any] | None
    budget_owner: str

    @cached_property
    def owned(self) -> list[Monitor]:
        """The monitors that the document owns."""
        return [each for each in self.monitors if each.id in self.applied]

    def find(self, name: str) -> Monitor | None:
        """The monitor that a name means: the one that was applied under it, else the one that is called so."""
        return self._by_applied_name.get(name) or self._by_name.get(name)

    def is_taken(self, name: str, monitor: Monitor) -> bool:
        """True if a monitor other than this one is called so."""
        return self._by_name.get(name, monitor).id != monitor.id

    @cached_property
    def _by_name(self) -> dict[str, Monitor]:
        return {each.name: each for each in self.monitors}

    @cached_property
    def _by_applied_name(self) -> dict[str, Monitor]:
        return {str(self.applied[each.id]["name"]): each for each in self.owned}


def get_present(asked: Asked, *, is_locked: bool = False) -> Present:
    """Read what there is in five statements, however many monitors a document names.

    Args:
        asked: What the document asks for.
        is_locked: Hold the monitors until the transaction ends.
    """
    document = Document.objects.filter(name=asked.name).first()
    owned = list(DocumentObject.objects.filter(document=document)) if document else []
    applied = {each.object_id: each.settings for each in owned if each.kind == Kind.MONITOR}
    names = [each.name for each in asked.monitors]
    found = Monitor.objects.filter(Q(name__in=names) | Q(id__in=list(applied))).order_by("id")
    monitors = list(found.select_for_update(no_key=True) if is_locked else found)
    owners = _owners([each.id for each in monitors], asked.model_id, document)
    of_budget = [each.settings for each in owned if each.kind == Kind.BUDGET]
    budget = get_budget(asked.model_id)
    return Present(
        document=document,
        model_id=asked.model_id,
        monitors=monitors,
        applied=applied,
        owners={each: name for (kind, each), name in owners.items() if kind == Kind.MONITOR},
        false_alerts_per_month=budget.false_alerts_per_month if budget else None,
        budget_applied=next(iter(of_budget), None),
        budget_owner=owners.get((Kind.BUDGET, asked.model_id), ""),
    )


def _owners(
    monitor_ids: list[UUID], model_id: UUID, document: Document | None
) -> dict[tuple[str, UUID], str]:
    """The names of other documents, by the kinds and the ids of what they own."""
    monitors = Q(kind=Kind.MONITOR, object_id__in=monitor_ids)
    others = DocumentObject.objects.filter(monitors | Q(kind=Kind.BUDGET, object_id=model_id))
    if document is not None:
        others = others.exclude(document=document)
    rows = others.values_list("kind", "object_id", "document__name")
    return {(kind, object_id): name for kind, object_id, name in rows}


def list_documents() -> QuerySet[Document]:
    """Documents, each with the number of monitors that it owns."""
    owned = Count("objects_owned", filter=Q(objects_owned__kind=Kind.MONITOR))
    return Document.objects.annotate(monitor_count=owned)


def name_of_document(model_id: UUID) -> str:
    """The name of the only document of a model; of none or several, one that is made of the model's id."""
    names = Document.objects.filter(model_id=model_id).values_list("name", flat=True)[:2]
    found = list(names)
    return found[0] if len(found) == 1 else f"model-{model_id}"
