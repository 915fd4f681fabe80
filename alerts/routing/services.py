"""Creates and changes routes, silences and maintenance windows, and checks what people ask for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NoReturn
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.utils import timezone

from alerts.models import Channel, MaintenanceWindow, Route, RouteChannel, Silence, Step
from alerts.routing.matchers import BadMatchers, check_matchers, named_monitors
from drift_detector.scheduling.cron import BadSchedule, check_schedule
from drift_detector.scheduling.zones import zone_names
from drift_detector.tenancy.scope import current_tenant_id
from monitors.models import Monitor

LONGEST_WAIT = timedelta(hours=1)
LONGEST_INTERVAL = timedelta(days=1)
SHORTEST_REPEAT = timedelta(minutes=5)
LONGEST_REPEAT = timedelta(days=30)
LONGEST_ESCALATION = timedelta(days=7)
LONGEST_SILENCE = timedelta(days=366)
LONGEST_WINDOW = timedelta(days=7)
MOST_CHANNELS = 20
MOST_STEPS = 5


def save_route(
    route: Route, *, steps: Sequence[Step] | None = None, fields: Mapping[str, Any]
) -> Route:
    """Create or change a route of the current tenant.

    Args:
        route: The route; a new one is inserted.
        steps: The channels at once, then those of each step of the escalation; None leaves them.
        fields: The fields that change.

    Raises:
        ValidationError: If a field is wrong, or a channel is none of the tenant.
    """
    is_new = route._state.adding
    _set(route, fields)
    _check_name(route)
    _check_times(route)
    if steps is not None:
        _check_steps(steps)
        route.escalate_after = [step.after.total_seconds() for step in steps[1:]]
    _check_digest(route)
    route.save(force_insert=is_new)
    if steps is not None:
        _replace_channels(route, steps)
    return route


def new_route(*, by: str) -> Route:
    """A route of the current tenant that is not saved yet."""
    return Route(tenant_id=current_tenant_id(), created_by=by)


def save_silence(silence: Silence, *, fields: Mapping[str, Any]) -> Silence:
    """Create or change a silence of the current tenant.

    Raises:
        ValidationError: If it ends before it starts, has ended already, or a matcher is wrong.
    """
    is_new = silence._state.adding
    _set(silence, fields)
    if silence.ends_at <= silence.starts_at:
        _refuse("ends_at", "ends_at must be later than starts_at.")
    if silence.ends_at - silence.starts_at > LONGEST_SILENCE:
        _refuse("ends_at", f"A silence must not be longer than {LONGEST_SILENCE.days} days.")
    if "ends_at" in fields and silence.ends_at <= timezone.now():
        _refuse("ends_at", "ends_at must be in the future.")
    silence.save(force_insert=is_new)
    return silence


def new_silence(*, by: str) -> Silence:
    """A silence of the current tenant that is not saved yet; it starts now."""
    return Silence(tenant_id=current_tenant_id(), author=by, starts_at=timezone.now())


def end_silence(silence: Silence) -> None:
    """End a silence now; one that has not started yet is removed."""
    now = timezone.now()
    if silence.starts_at >= now:
        silence.delete()
    elif silence.ends_at > now:
        silence.ends_at = now
        silence.save(update_fields=["ends_at"])


def save_window(window: MaintenanceWindow, *, fields: Mapping[str, Any]) -> MaintenanceWindow:
    """Create or change a maintenance window of the current tenant.

    Raises:
        ValidationError: If its schedule never comes due, or another field is wrong.
    """
    is_new = window._state.adding
    _set(window, fields)
    _check_name(window)
    _check_zone(window.timezone)
    try:
        check_schedule(window.cron, window.timezone)
    except BadSchedule as error:
        _refuse("cron", str(error))
    _check_range("duration", window.duration, timedelta(minutes=1), LONGEST_WINDOW)
    window.save(force_insert=is_new)
    return window


def new_window(*, by: str) -> MaintenanceWindow:
    """A maintenance window of the current tenant that is not saved yet."""
    return MaintenanceWindow(tenant_id=current_tenant_id(), created_by=by)


def active_silences(at: datetime) -> Iterable[Silence]:
    """The silences of the current tenant that hide notifications at a moment."""
    return Silence.objects.filter(starts_at__lte=at, ends_at__gt=at).order_by("created_at")


def _set(row: Route | Silence | MaintenanceWindow, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    if "matchers" in fields:
        row.matchers = _checked_matchers(fields["matchers"])


def _checked_matchers(given: Any) -> dict[str, Any]:
    try:
        matchers = check_matchers(given)
    except BadMatchers as error:
        _refuse("matchers", str(error))
    named = set(named_monitors(matchers))
    known = set(Monitor.objects.filter(id__in=named).values_list("id", flat=True))
    if missing := named - known:
        _refuse("matchers", f"There is no monitor {min(missing)}.")
    return matchers


def _check_name(row: Route | MaintenanceWindow) -> None:
    kind: type[Model] = type(row)
    others = kind._default_manager.filter(~Q(pk=row.pk), name=row.name)
    if others.exists():
        _refuse("name", f"name must be unique; a {kind._meta.verbose_name} has this name.")


def _check_times(route: Route) -> None:
    _check_zone(route.timezone)
    _check_range("group_wait", route.group_wait, timedelta(0), LONGEST_WAIT)
    _check_range("group_interval", route.group_interval, timedelta(0), LONGEST_INTERVAL)
    if route.repeat_interval is not None:
        _check_range("repeat_interval", route.repeat_interval, SHORTEST_REPEAT, LONGEST_REPEAT)
    if (route.quiet_from is None) != (route.quiet_until is None):
        _refuse("quiet_until", "quiet_from and quiet_until must be given together.")
    if route.quiet_from is not None and route.quiet_from == route.quiet_until:
        _refuse("quiet_until", "quiet_until must be another time than quiet_from.")


def _check_digest(route: Route) -> None:
    if route.digest != Route.Digest.NONE and route.escalate_after:
        _refuse("escalation", "escalation must be empty for a digest, which is no call for help.")
    if route.digest != Route.Digest.NONE and route.repeat_interval is not None:
        _refuse("repeat_interval", "repeat_interval must be null for a digest.")


def _check_steps(steps: Sequence[Step]) -> None:
    if not 0 < len(steps[0].channels) <= MOST_CHANNELS:
        _refuse("channels", f"channels must be a list of 1 to {MOST_CHANNELS} channels.")
    if len(steps) > MOST_STEPS + 1:
        _refuse("escalation", f"escalation must have at most {MOST_STEPS} steps.")
    seen: set[UUID] = set()
    for number, step in enumerate(steps):
        _check_channels("escalation" if number else "channels", step.channels, seen)
        seen |= set(step.channels)
    _check_order([step.after for step in steps])


def _check_channels(field: str, channels: Sequence[UUID], seen: set[UUID]) -> None:
    if not channels or len(channels) > MOST_CHANNELS:
        _refuse(field, f"Each step must name 1 to {MOST_CHANNELS} channels.")
    again = seen.intersection(channels)
    if again or len(set(channels)) < len(channels):
        _refuse(field, "A channel must come once: an escalation that comes back is a circle.")
    known = set(Channel.objects.filter(id__in=channels).values_list("id", flat=True))
    if missing := set(channels) - known:
        _refuse(field, f"There is no channel {min(missing)}.")


def _check_order(times: Sequence[timedelta]) -> None:
    is_rising = all(earlier < later for earlier, later in pairwise(times))
    if not is_rising or times[-1] > LONGEST_ESCALATION:
        days = LONGEST_ESCALATION.days
        _refuse("escalation", f"Each `after` must be later than the one before, up to {days} days.")


def _replace_channels(route: Route, steps: Sequence[Step]) -> None:
    RouteChannel.objects.filter(route=route).delete()
    RouteChannel.objects.bulk_create(
        RouteChannel(tenant_id=route.tenant_id, route=route, channel_id=channel_id, step=number)
        for number, step in enumerate(steps)
        for channel_id in step.channels
    )


def _check_zone(name: str) -> None:
    if name not in zone_names():
        _refuse("timezone", f"{name[:64]!r} is not an IANA time zone, such as Europe/Berlin.")


def _check_range(field: str, value: timedelta, least: timedelta, most: timedelta) -> None:
    if not least <= value <= most:
        _refuse(field, f"{field} must be from {least} to {most}.")


def _refuse(field: str, reason: str) -> NoReturn:
    raise ValidationError({field: reason})
