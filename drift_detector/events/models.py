"""The transactional outbox."""

from django.db import models
from django.db.models import Q

from drift_detector.tenancy.models import Tenant


class OutboxEvent(models.Model):
    """An event to publish, written in the transaction that changed the state it tells of."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=100)
    key = models.UUIDField(help_text="Events with one key (the monitor) are published in order.")
    envelope = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        db_table = "drf_outbox"
        ordering = ["id"]
        indexes = [
            models.Index(name="outbox_unpublished", fields=["id"], condition=Q(published_at__isnull=True)),
            models.Index(name="outbox_of_tenant", fields=["tenant", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
