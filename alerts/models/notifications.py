"""Channels, routes, silences, maintenance windows, and the notifications that they lead to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from alerts.models.alerts import SEVERITIES
from drift_detector.lease import LeasedModel
from drift_detector.tenancy.models import TenantModel, tenant_reference

NOON = time(12)


class Channel(TenantModel):
    """A way to notify people. Its address and its secrets are stored encrypted."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    address = models.TextField(help_text="Encrypted; no answer of the service shows it.")
    shown_address = models.CharField(
        max_length=300, blank=True, default="", help_text="The address without its secrets."
    )
    subject = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="A template of the subject, such as `{severity}: {monitor}`; empty for the usual one.",
    )
    most_per_hour = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Notifications in an hour; the rest is summarised. Empty: the setting.",
    )
    enabled = models.BooleanField(default=True)
    secret = models.TextField(
        blank=True,
        default="",
        help_text="Of a webhook, encrypted: what its signatures are made with.",
    )
    previous_secret = models.TextField(blank=True, default="")
    previous_secret_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then both secrets sign."
    )
    created_by = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_channels"
        ordering = ["name"]
        constraints = [
            TenantModel.identity("channel"),
            models.UniqueConstraint(name="channel_name_once", fields=["tenant", "name"]),
            models.CheckConstraint(
                name="channel_previous_secret_ends",
                condition=Q(previous_secret="") | Q(previous_secret_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Step:
    """Channels that hear of an alert when it had no attention for a time; the first step is at once."""

    after: timedelta
    channels: Sequence[UUID]


class Route(TenantModel):
    """The alerts that match, the channels that hear of them, and when."""

    class Digest(models.TextChoices):
        NONE = "none"
        DAILY = "daily"
        WEEKLY = "weekly"

    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Routes are tried in this order, and then by name."
    )
    enabled = models.BooleanField(default=True)
    matchers = models.JSONField(default=dict, blank=True, help_text="Empty: every alert.")
    continues = models.BooleanField(
        default=True, help_text="False: no later route is tried for an alert that matches."
    )
    group_wait = models.DurationField(
        help_text="How long the first notification of an alert waits for what follows at once."
    )
    group_interval = models.DurationField(
        help_text="The least time between two notifications of an alert."
    )
    repeat_interval = models.DurationField(
        null=True, blank=True, help_text="How often an alert that has no attention is repeated."
    )
    digest = models.CharField(max_length=10, choices=Digest, default=Digest.NONE)
    digest_at = models.TimeField(default=NOON)
    digest_weekday = models.PositiveSmallIntegerField(
        default=0, help_text="Of a weekly digest: 0 is Monday."
    )
    timezone = models.CharField(max_length=64, default="UTC")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_for_critical = models.BooleanField(
        default=False, help_text="True: critical alerts wait for the end of the quiet hours, too."
    )
    escalate_after = models.JSONField(
        default=list, blank=True, help_text="Seconds without attention, one for each step."
    )
    created_by = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_routes"
        ordering = ["position", "name"]
        constraints = [
            TenantModel.identity("route"),
            models.UniqueConstraint(name="route_name_once", fields=["tenant", "name"]),
            models.CheckConstraint(
                name="route_quiet_hours_have_both_ends",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (Q(quiet_from__isnull=False) & Q(quiet_until__isnull=False)),
            ),
            models.CheckConstraint(name="route_weekday", condition=Q(digest_weekday__lte=6)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def steps(self) -> list[Step]:
        """The channels at once, and then those of each step of the escalation."""
        times = [timedelta(0), *(timedelta(seconds=each) for each in self.escalate_after)]
        return [Step(after, self._channels_of(number)) for number, after in enumerate(times)]

    @property
    def channels(self) -> Sequence[UUID]:
        """The channels at once."""
        return self.steps[0].channels

    @property
    def escalation(self) -> list[Step]:
        """The steps of the escalation."""
        return self.steps[1:]

    def _channels_of(self, step: int) -> list[UUID]:
        links = self.route_channels.all()
        return [link.channel_id for link in links if link.step == step]


class RouteChannel(TenantModel):
    """A channel of a route: of step 0 at once, of a later step if the alert gets no attention."""

    route = tenant_reference("alerts.Route", related_name="route_channels")
    channel = tenant_reference("alerts.Channel", related_name="route_channels")
    step = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "drf_route_channels"
        ordering = ["step", "created_at"]
        constraints = [
            # An alert that escalates never comes back to a channel, so no escalation is a circle.
            models.UniqueConstraint(
                name="route_channel_once", fields=["tenant", "route", "channel"]
            ),
        ]
        indexes = [models.Index(name="route_channel_of_channel", fields=["tenant", "channel"])]

    def __str__(self) -> str:
        return f"step {self.step}"


class Silence(TenantModel):
    """Hides the notifications of the alerts that match, for a time; never a detection."""

    matchers = models.JSONField(default=dict, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=200)

    class Meta:
        db_table = "drf_silences"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("silence"),
            models.CheckConstraint(
                name="silence_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))
            ),
        ]
        indexes = [models.Index(name="silence_by_end", fields=["tenant", "ends_at"])]

    def __str__(self) -> str:
        return self.reason


class MaintenanceWindow(TenantModel):
    """Hides the notifications of the alerts that match, each time a cron schedule comes due."""

    name = models.CharField(max_length=100)
    matchers = models.JSONField(default=dict, blank=True)
    cron = models.CharField(max_length=200)
    duration = models.DurationField()
    timezone = models.CharField(max_length=64, default="UTC")
    enabled = models.BooleanField(default=True)
    created_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "drf_maintenance_windows"
        ordering = ["name"]
        constraints = [
            TenantModel.identity("maintenance_window"),
            models.UniqueConstraint(name="maintenance_window_name_once", fields=["tenant", "name"]),
        ]

    def __str__(self) -> str:
        return self.name


class Notification(LeasedModel):
    """One message of a channel to people; its id is the id of the message in every try."""

    class Kind(models.TextChoices):
        ALERT = "alert"  # an alert is new or worse
        UPDATE = "update"  # something happened to an alert that people know
        RESOLVED = "resolved"
        REPEAT = "repeat"
        ESCALATION = "escalation"
        DIGEST = "digest"
        SUMMARY = "summary"  # stands for those that the cap of the channel held back

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        GIVEN_UP = "given_up"
        SUPPRESSED = "suppressed"  # a silence, a window or a person made it needless
        SUMMARISED = "summarised"  # a summary stands for it

    channel = tenant_reference("alerts.Channel", related_name="notifications")
    route = tenant_reference("alerts.Route", null=True)
    alert = tenant_reference("alerts.Alert", null=True, related_name="notifications")
    kind = models.CharField(max_length=10, choices=Kind)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    events = models.JSONField(default=list, help_text="The ids of the alert events that it covers.")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    reason = models.TextField(blank=True, default="")
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.JSONField(
        default=list, help_text="When it was tried, and what the channel said."
    )
    suppressed_by = models.UUIDField(
        null=True, help_text="The silence, maintenance window or summary that it is suppressed by."
    )

    class Meta:
        db_table = "drf_notifications"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("notification"),
            models.UniqueConstraint(
                name="notification_one_digest_at_a_time",
                fields=["tenant", "channel", "route", "due_at"],
                condition=Q(kind="digest", status="pending", attempt=0),
            ),
            models.CheckConstraint(
                name="notification_sent_at_its_time",
                condition=Q(status="sent", sent_at__isnull=False)
                | (~Q(status="sent") & Q(sent_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(name="notification_newest", fields=["tenant", "-created_at", "-id"]),
            models.Index(name="notification_of_alert", fields=["tenant", "alert", "channel"]),
            models.Index(name="notification_of_channel", fields=["tenant", "channel", "sent_at"]),
            models.Index(name="notification_of_route", fields=["tenant", "route"]),
            models.Index(name="notification_due", fields=["due_at"], condition=Q(status="pending")),
            models.Index(
                name="notification_due_of_channel",
                fields=["channel", "due_at", "created_at"],
                condition=Q(status="pending"),
            ),
            models.Index(
                name="notification_waits",
                fields=["alert", "channel", "created_at"],
                condition=Q(status="pending"),
            ),
            models.Index(name="notification_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.status})"

    @property
    def message_id(self) -> str:
        """The id that every try has, by which a receiver knows a double."""
        return f"msg_{self.id.hex}"
