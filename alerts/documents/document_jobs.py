"""Applies documents by jobs: a worker looks at the sources of what changes, and then writes all of it or nothing."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.fields import get_error_detail

from alerts.documents import services
from alerts.documents.document_forms import Asked, read_document
from alerts.documents.document_plans import REMOVE, UNCHANGED, DocumentPlan, plan_document
from alerts.documents.selectors import Present, get_present
from alerts.documents.serializers import AppliedSerializer
from drift_detector.api.problems import Conflict
from drift_detector.tenancy.scope import tenant_scope
from monitors.features import check_sources, look_once
from monitors.jobs.kinds import Answer, Ending
from monitors.models import Job
from monitors.selectors import get_source_policy
from monitors.services import source_fields

CHANGED_SINCE = "What the plan was made from has changed. Plan the document again."
CHANGED_MEANWHILE = "A monitor was changed while the data was read. Apply the document again."
OTHER_MODEL = "model_id must be {model}, of which the document {name!r} is; release it first."
BUDGET_NEEDS = "A change of the budget needs the scope admin."


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The options of an apply.

    Attributes:
        remove: Retire what it no longer names.
        expected: The hash of the plan that was agreed to; empty for any.
        may_set_budget: The caller may change the budget of a model.
    """

    remove: bool = False
    expected: str = ""
    may_set_budget: bool = False


def check_order(asked: Asked, present: Present, order: Order) -> DocumentPlan:
    """The plan, if it may be followed.

    Raises:
        ValidationError: If the document is known as one of another model.
        Conflict: If a part of it is refused, or it is not the plan that is expected.
        PermissionDenied: If the budget changes, and the caller may not do that.
    """
    check_model(asked, present)
    plan = plan_document(asked, present)
    if plan.refusals:
        raise Conflict(" ".join(plan.refusals))
    if order.expected and plan.plan_hash != order.expected:
        raise Conflict(CHANGED_SINCE)
    if _changes_budget(plan, remove=order.remove) and not order.may_set_budget:
        raise PermissionDenied(BUDGET_NEEDS)
    return plan


def check_model(asked: Asked, present: Present) -> None:
    """Refuse a document that is known as one of another model.

    Raises:
        ValidationError: With the model that it has.
    """
    known = present.document
    if known and known.model_id != asked.model_id:
        reason = OTHER_MODEL.format(model=known.model_id, name=known.name)
        raise ValidationError({"model_id": [reason]})


def _changes_budget(plan: DocumentPlan, *, remove: bool) -> bool:
    if plan.budget is None or plan.budget.action == UNCHANGED:
        return False
    return remove or plan.budget.action != REMOVE


def read_for_apply(job: Job) -> Ending:
    """Look at the sources of all monitors that are new, or that read other data than now. No transaction may be open.

    Raises:
        ValidationError: With the place of each monitor whose sources do not fit.
    """
    asked, order = read_document(job.fields["document"]), Order(**job.fields["order"])
    with tenant_scope(job.tenant_id):
        present, policy = get_present(asked), get_source_policy()
    sources, look = _new_sources(asked, present), look_once()
    faults: Any = {}  # by number, as DRF keys the items of a list
    for place, fields in sources.items():
        try:
            check_sources(fields, policy, look)
        except DjangoValidationError as error:
            faults[place] = get_error_detail(error)
    if faults:
        raise ValidationError({"monitors": faults})
    return partial(_apply, job, asked, order, sources.keys())


def _new_sources(asked: Asked, present: Present) -> dict[int, dict[str, Any]]:
    """The fields for `check_sources`, by the place of each monitor that would read other data than now."""
    found = {}
    for place, wanted in enumerate(asked.monitors):
        fields, known = source_fields(wanted), present.find(wanted.name)
        if known is None or source_fields(known) != fields:
            found[place] = fields
    return found


def _apply(job: Job, asked: Asked, order: Order, checked: Any) -> Answer:
    """Apply the document to what there is now, unless data would be read that was not looked at."""
    services.lock_documents()
    present = get_present(asked, is_locked=True)
    plan = check_order(asked, present, order)
    if not _new_sources(asked, present).keys() <= checked:
        raise Conflict(CHANGED_MEANWHILE)
    done = services.apply_document(asked, plan, present, remove=order.remove, by=job.requested_by)
    return Answer(200, AppliedSerializer(done).data)


def fields_of_job(document: Any, order: Order) -> dict[str, Any]:
    """The fields of the job that applies a document."""
    kept = {
        "remove": order.remove,
        "expected": order.expected,
        "may_set_budget": order.may_set_budget,
    }
    return {"document": document, "order": kept}
