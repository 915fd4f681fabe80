"""The stores of pictures: a compressed row per judged run, and a row per baseline version."""

from django.db import models

from drift_detector.tenancy.models import TenantModel, tenant_reference


class RunProfile(TenantModel):
    """The picture of a judged run's window, and what each method found; goes with its run."""

    run = tenant_reference("detections.DetectionRun", related_name="profiles")
    monitor = tenant_reference("monitors.Monitor")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    drawn = models.BinaryField(help_text="A picture of each feature of the baseline, in its order.")
    scores = models.BinaryField(help_text="The verdict and effect of each method and feature.")

    class Meta:
        db_table = "drf_profiles"
        constraints = [
            models.UniqueConstraint(name="profile_once_per_run", fields=["tenant", "run"]),
            models.CheckConstraint(
                name="profile_window_ordered",
                condition=models.Q(window_start__lt=models.F("window_end")),
            ),
        ]
        indexes = [
            models.Index(
                name="profile_by_window",
                fields=["tenant", "monitor", "-window_start", "-created_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"profile of {self.run_id}"


class BaselineFrame(TenantModel):
    """The cells and categories of a baseline's pictures, with the reference's shares."""

    baseline = tenant_reference("monitors.Baseline")
    content = models.BinaryField()

    class Meta:
        db_table = "drf_baseline_frames"
        constraints = [
            models.UniqueConstraint(name="frame_once_per_baseline", fields=["tenant", "baseline"]),
        ]

    def __str__(self) -> str:
        return f"frames of {self.baseline_id}"
