"""Does one thing to many alerts; each succeeds or fails for itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from alerts.episodes.phases import IllegalMove
from alerts.models import Alert
from alerts.workflow import services
from monitors.services import lock_monitors

OK, NOT_FOUND, CONFLICT = 200, 404, 409


ACTIONS: dict[str, Callable[..., Alert]] = {
    "acknowledge": services.acknowledge,
    "snooze": services.snooze,
    "assign": services.assign,
    "resolve": services.resolve,
    "comment": services.comment,
}
"""The actions by their names in the API and the admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """The end of an action on one alert.

    Attributes:
        id: The id that was asked for.
        status: 200, or 404 without such an alert, or 409 if its state does not permit the action.
        detail: The reason of a refusal.
        alert: The alert as it is now; None if it was refused.
    """

    id: UUID
    status: int
    detail: str = ""
    alert: Alert | None = None


def act_on_all(
    *, alert_ids: Iterable[UUID], action: str, by: str, said: dict[str, Any]
) -> list[BulkResult]:
    """Do one thing to each of the alerts, in the order of the ids, each once.

    The monitors are locked first, in one order: two requests at the same time wait for each other and
    do not stop each other.

    Raises:
        ValidationError: If what was said is wrong; then nothing is done.
    """
    wanted = list(dict.fromkeys(alert_ids))
    found = Alert.objects.filter(id__in=wanted)
    lock_monitors(set(found.values_list("monitor_id", flat=True)))
    return [_act(alert_id, action, by, said) for alert_id in wanted]


def _act(alert_id: UUID, action: str, by: str, said: dict[str, Any]) -> BulkResult:
    try:
        with transaction.atomic():
            alert = ACTIONS[action](alert_id=alert_id, by=by, **said)
    except Alert.DoesNotExist:
        reason = "There is no alert with this id in your tenant."
        return BulkResult(id=alert_id, status=NOT_FOUND, detail=reason)
    except IllegalMove as error:
        return BulkResult(id=alert_id, status=CONFLICT, detail=str(error))
    return BulkResult(id=alert_id, status=OK, alert=alert)
