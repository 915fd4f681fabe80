"""Applies documents: monitors, the budget, and what the document owns, in the caller's transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from alerts.documents.canonical_json import is_same
from alerts.documents.document_forms import MONITOR_FIELDS, OF_DOCUMENT, Asked
from alerts.documents.document_plans import (
    BUDGET_FIELD,
    CREATE,
    REMOVE,
    UNCHANGED,
    DocumentPlan,
    ObjectPlan,
)
from alerts.documents.selectors import Kind, Present
from alerts.models import Document, DocumentObject
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import current_tenant_id, lock_local
from monitors import services as monitor_services
from monitors.budgets.services import put_budget, remove_budget
from monitors.jobs.sampled_values import forget_values_of
from monitors.models import Monitor

log = structlog.get_logger(__name__)

type Owned = dict[tuple[str, UUID], dict[str, Any]]
"""Settings as they were applied, by the kind and the id of the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of an apply.

    Attributes:
        plan: The plan that it followed.
        document: The document as it is now.
        retired: The monitors that are off the schedule now, as the document no longer names them.
    """

    plan: DocumentPlan
    document: Document
    retired: tuple[UUID, ...]


def lock_documents() -> None:
    """Wait until no other apply of the tenant goes on; held until the transaction ends."""
    lock_local(f"documents of {current_tenant_id()}")


def check_quota(plan: DocumentPlan) -> None:
    """Refuse a document with more new monitors than the tenant may have.

    Raises:
        OverQuota: Before anything is written.
    """
    created = sum(each.action == CREATE for each in plan.monitors)
    if created:
        check_room(Quota.MONITORS, asked=created)


def apply_document(
    asked: Asked, plan: DocumentPlan, present: Present, *, remove: bool, by: str
) -> Applied:
    """Carry out a plan that was made in this transaction, with its monitors locked and nothing refused.

    Args:
        asked: The content of the document.
        plan: The changes to make.
        present: The state that the plan was made from.
        remove: Retire the monitors, and remove the budget, that the document no longer names.
        by: Who applies it.

    Raises:
        OverQuota: If the tenant may have no further monitors or baselines.
    """
    check_quota(plan)
    if present.document and not _has_work(plan, present.document, remove=remove):
        return Applied(plan=plan, document=present.document, retired=())
    document = _put_document(asked, plan, by)
    owned = _put_monitors(asked, plan, present, by) | _put_budget(asked, plan, by)
    _own(document, owned)
    retired = _retire(plan, present) if remove else ()
    if remove:
        _remove_budget(document, plan)
    _disown_missing(document, present)
    log.info("document_applied", document=document.name, by=by, **plan.counts)
    return Applied(plan=plan, document=document, retired=retired)


def release_document(document: Document) -> None:
    """Remove a document; its monitors and its budget stay, and no document owns them."""
    document.delete()
    log.info("document_removed", document=document.name)


def _has_work(plan: DocumentPlan, document: Document, *, remove: bool) -> bool:
    idle = {UNCHANGED} if remove else {UNCHANGED, REMOVE}
    is_known = document.content_hash == plan.content_hash
    return not is_known or any(each.action not in idle for each in plan.objects)


def _put_document(asked: Asked, plan: DocumentPlan, by: str) -> Document:
    document, _ = Document.objects.update_or_create(
        tenant_id=current_tenant_id(),
        name=asked.name,
        defaults={
            "model_id": asked.model_id,
            "content_hash": plan.content_hash,
            "applied_at": timezone.now(),
            "applied_by": by,
        },
    )
    return document


def _put_monitors(asked: Asked, plan: DocumentPlan, present: Present, by: str) -> Owned:
    """Create and change monitors; those that the document owns from now on, or owns with other settings."""
    by_id = {each.id: each for each in present.monitors}
    owned: Owned = {}
    for step, wanted, settings in zip(plan.monitors, asked.monitors, asked.settings, strict=False):
        monitor = by_id[step.object_id] if step.object_id else None
        monitor_id = _put_monitor(step, wanted, monitor, by)
        if not is_same(present.applied.get(monitor_id), settings):
            owned[Kind.MONITOR, monitor_id] = settings
    return owned


def _put_monitor(step: ObjectPlan, wanted: Monitor, monitor: Monitor | None, by: str) -> UUID:
    """Create or change one monitor; its id."""
    if monitor is None:
        fields = {name: getattr(wanted, name) for name in (*MONITOR_FIELDS, OF_DOCUMENT)}
        monitor = monitor_services.create_monitor(created_by=by, **fields)
        forget_values_of(monitor)
    elif step.changes:
        fields = {each.field: getattr(wanted, each.field) for each in step.changes}
        monitor_services.update_monitor(monitor=monitor, **fields)
        forget_values_of(monitor)
    return monitor.id


def _put_budget(asked: Asked, plan: DocumentPlan, by: str) -> Owned:
    """Set the model's budget if it is to change."""
    step, number = plan.budget, asked.false_alerts_per_month
    if step is None or number is None or step.action == UNCHANGED:
        return {}
    if step.changes:
        put_budget(asked.model_id, false_alerts_per_month=number, by=by)
    return {(Kind.BUDGET, asked.model_id): {BUDGET_FIELD: number}}


def _own(document: Document, owned: Owned) -> None:
    """Mark objects as the document's, each with the settings that were applied."""
    rows = [
        DocumentObject(
            tenant_id=document.tenant_id,
            document=document,
            kind=kind,
            object_id=object_id,
            settings=settings,
        )
        for (kind, object_id), settings in owned.items()
    ]
    DocumentObject.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "kind", "object_id"],
        update_fields=["settings"],
    )


def _retire(plan: DocumentPlan, present: Present) -> tuple[UUID, ...]:
    """Take the monitors off the schedule that the document no longer names; it owns them until they are deleted."""
    gone = {each.object_id for each in plan.monitors if each.action == REMOVE}
    monitors = [each for each in present.monitors if each.id in gone]
    for each in monitors:
        monitor_services.retire_monitor(monitor=each)
    return tuple(each.id for each in monitors)


def _remove_budget(document: Document, plan: DocumentPlan) -> None:
    if plan.budget and plan.budget.action == REMOVE:
        remove_budget(plan.model_id)
        document.objects_owned.filter(kind=Kind.BUDGET).delete()


def _disown_missing(document: Document, present: Present) -> None:
    """Forget the monitors that were deleted by hand."""
    kept = {each.id for each in present.owned}
    missing = [each for each in present.applied if each not in kept]
    document.objects_owned.filter(kind=Kind.MONITOR, object_id__in=missing).delete()
