"""Plans what an apply of a document would do, object by object and field by field. Nothing is read but rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from alerts.documents.canonical_json import hash_of, is_same
from alerts.documents.document_forms import (
    NEEDED_FIELDS,
    Asked,
    Settings,
    default_settings,
    settings_of_all,
)
from alerts.documents.selectors import Present
from monitors.models import Monitor

CREATE, CHANGE, UNCHANGED = "create", "change", "unchanged"
ADOPT = "adopt"
"""Of an object that exists, and that no document owns."""
REFUSED, REMOVE = "refused", "remove"
ACTIONS = (CREATE, CHANGE, UNCHANGED, ADOPT, REFUSED, REMOVE)
BUDGET_FIELD = "false_alerts_per_month"
OF_OTHER = "{name!r} is owned by the document {owner!r}."
OF_OTHER_MODEL = "{name!r} is a monitor of the model {model}."
NAME_TAKEN = "{name!r} was renamed to {present!r}, and another monitor is called {name!r} now."


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field, with its values as JSON."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlan:
    """The planned change of a monitor or a budget.

    Attributes:
        place: Where the document names it; empty if it no longer does.
        object_id: Its id; None for a new one.
        changes: From the present values to those of the document.
        edited_by_hand: From the values that were applied to the present ones.
        reason: Why it is refused.
    """

    place: str
    name: str
    object_id: UUID | None
    action: str
    changes: tuple[FieldChange, ...] = ()
    edited_by_hand: tuple[FieldChange, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPlan:
    """The planned changes of a document."""

    name: str
    model_id: UUID
    content_hash: str
    monitors: tuple[ObjectPlan, ...]
    budget: ObjectPlan | None

    @property
    def objects(self) -> tuple[ObjectPlan, ...]:
        """The monitors, and the budget if there is one."""
        return (*self.monitors, *((self.budget,) if self.budget else ()))

    @property
    def plan_hash(self) -> str:
        """The hash of the document and of all that would be done; it changes when the present state does."""
        return hash_of(asdict(self))

    @property
    def is_changed(self) -> bool:
        """True if an apply would change something."""
        return any(each.action != UNCHANGED for each in self.objects)

    @property
    def counts(self) -> dict[str, int]:
        """The number of objects of each action."""
        found = Counter(each.action for each in self.objects)
        return {action: found[action] for action in ACTIONS}

    @property
    def refusals(self) -> list[str]:
        """A sentence for each object that is refused, with its place."""
        refused = [each for each in self.objects if each.action == REFUSED]
        return [f"{each.place}: {each.reason}" for each in refused]


def plan_document(asked: Asked, present: Present) -> DocumentPlan:
    """Compare what a document asks for with what there is."""
    shown = _shown(present)
    defaults = default_settings()
    named = [
        _plan_monitor(f"monitors[{place}]", wanted, present, shown, defaults)
        for place, wanted in enumerate(asked.settings)
    ]
    return DocumentPlan(
        name=asked.name,
        model_id=asked.model_id,
        content_hash=asked.content_hash,
        monitors=(*named, *_plan_removals(named, present, shown)),
        budget=_plan_budget(asked, present),
    )


def _shown(present: Present) -> dict[UUID, Settings]:
    """The present settings of each monitor."""
    ids = [each.id for each in present.monitors]
    return dict(zip(ids, settings_of_all(present.monitors), strict=True))


def _plan_monitor(
    place: str,
    wanted: Settings,
    present: Present,
    shown: Mapping[UUID, Settings],
    defaults: Settings,
) -> ObjectPlan:
    name = str(wanted["name"])
    monitor = present.find(name)
    if monitor is None:
        changes = _stated(wanted, defaults)
        return ObjectPlan(place=place, name=name, object_id=None, action=CREATE, changes=changes)
    found: dict[str, Any] = {"place": place, "name": name, "object_id": monitor.id}
    if reason := _refusal(name, monitor, present):
        return ObjectPlan(**found, action=REFUSED, reason=reason)
    return _plan_present(found, wanted, shown[monitor.id], present.applied.get(monitor.id))


def _plan_present(
    found: Mapping[str, Any], wanted: Settings, now: Settings, applied: Settings | None
) -> ObjectPlan:
    """The plan of an object that exists, and that this document may own."""
    changes = _changes(now, wanted)
    if applied is None:
        return ObjectPlan(**found, action=ADOPT, changes=changes)
    action = CHANGE if changes else UNCHANGED
    by_hand = _changes(applied, now)
    return ObjectPlan(**found, action=action, changes=changes, edited_by_hand=by_hand)


def _refusal(name: str, monitor: Monitor, present: Present) -> str:
    """Why a monitor that exists may not be changed; empty if it may."""
    if owner := present.owners.get(monitor.id):
        return OF_OTHER.format(name=name, owner=owner)
    if monitor.model_id != present.model_id:
        return OF_OTHER_MODEL.format(name=name, model=monitor.model_id)
    if present.is_taken(name, monitor):
        return NAME_TAKEN.format(name=name, present=monitor.name)
    return ""


def _changes(before: Settings, after: Settings) -> tuple[FieldChange, ...]:
    """The fields that both have and that differ; settings that were applied lack fields that are newer."""
    return tuple(
        FieldChange(field=name, before=before[name], after=after[name])
        for name in after
        if name in before and not is_same(before[name], after[name])
    )


def _stated(wanted: Settings, defaults: Settings) -> tuple[FieldChange, ...]:
    """The fields of a new monitor that are not at their defaults."""
    return tuple(
        FieldChange(field=name, before=None, after=value)
        for name, value in wanted.items()
        if name in NEEDED_FIELDS or not is_same(value, defaults[name])
    )


def _plan_removals(
    named: Iterable[ObjectPlan], present: Present, shown: Mapping[UUID, Settings]
) -> list[ObjectPlan]:
    kept = {each.object_id for each in named}
    return [
        ObjectPlan(
            place="",
            name=each.name,
            object_id=each.id,
            action=REMOVE,
            edited_by_hand=_changes(present.applied[each.id], shown[each.id]),
        )
        for each in present.owned
        if each.id not in kept
    ]


def _plan_budget(asked: Asked, present: Present) -> ObjectPlan | None:
    found: dict[str, Any] = {"place": "budget", "name": "budget", "object_id": asked.model_id}
    wanted = _budget_settings(asked.false_alerts_per_month)
    now = _budget_settings(present.false_alerts_per_month)
    if not wanted:
        is_gone = now and present.budget_applied is not None
        return ObjectPlan(**found | {"place": ""}, action=REMOVE) if is_gone else None
    if present.budget_owner:
        reason = OF_OTHER.format(name="budget", owner=present.budget_owner)
        return ObjectPlan(**found, action=REFUSED, reason=reason)
    if not now:
        [(field, value)] = wanted.items()
        new = FieldChange(field=field, before=None, after=value)
        return ObjectPlan(**found, action=CREATE, changes=(new,))
    return _plan_present(found, wanted, now, present.budget_applied)


def _budget_settings(false_alerts_per_month: float | None) -> Settings:
    """The settings of a budget; none if there is none."""
    number = false_alerts_per_month
    return {} if number is None else {BUDGET_FIELD: number}
