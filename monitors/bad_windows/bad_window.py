"""The table of times whose data are known to be bad."""

from django.db import models
from django.db.models import F, Q

from drift_detector.tenancy.models import TenantModel, tenant_reference


class BadWindow(TenantModel):
    """A time of a monitor whose data are bad, so that nothing is compared with them.

    A person marks it, or an episode does that was acknowledged as a bug of the data.
    """

    monitor = tenant_reference("monitors.Monitor")
    window_start = models.DateTimeField(help_text="Included.")
    window_end = models.DateTimeField(help_text="Not included.")
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    episode = models.UUIDField(
        null=True,
        editable=False,
        help_text="The alert whose windows it covers; null if a person has marked it.",
    )
    created_by = models.CharField(max_length=200, editable=False)

    class Meta:
        db_table = "drf_bad_windows"
        ordering = ["-window_start", "-id"]
        constraints = [
            TenantModel.identity("bad_window"),
            models.UniqueConstraint(
                name="bad_window_once_per_episode",
                fields=["tenant", "episode"],
                condition=Q(episode__isnull=False),
            ),
            models.CheckConstraint(
                name="bad_window_ordered", condition=Q(window_start__lt=F("window_end"))
            ),
        ]
        indexes = [
            models.Index(name="bad_window_of_monitor", fields=["tenant", "monitor", "window_start"])
        ]

    def __str__(self) -> str:
        return f"{self.window_start:%Y-%m-%d %H:%M} to {self.window_end:%Y-%m-%d %H:%M}"
