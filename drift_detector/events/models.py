"""The transactional outbox."""

from django.db import models
from django.db.models import Q

from drift_detector.tenancy.models import Tenant

PARTITIONS = 16


class OutboxKey(models.Model):
    """The number of events of a key.

    `emit` locks the row until the commit, so `seq` follows the order of the commits.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.UUIDField()
    seq = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "drf_outbox_keys"
        constraints = [models.UniqueConstraint(name="outbox_key_once", fields=["tenant", "key"])]

    def __str__(self) -> str:
        return f"{self.key} at {self.seq}"


class OutboxEvent(models.Model):
    """An event to publish, written in the transaction that changes the state."""

    class State(models.TextChoices):
        WAITING = "waiting"
        PUBLISHED = "published"
        DEAD = "dead"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    event_id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=100)
    key = models.UUIDField(help_text="Events with one key (the monitor) are published in order.")
    partition = models.PositiveSmallIntegerField(
        help_text="One relay at a time publishes the keys of a partition."
    )
    seq = models.PositiveIntegerField(
        help_text="The number of the event among those of its key, from 1."
    )
    envelope = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Failed ones, but for those while the broker was away."
    )
    not_before = models.DateTimeField(null=True, blank=True, help_text="When it is tried again.")
    dead_at = models.DateTimeField(null=True, blank=True, help_text="When it was given up.")
    last_error = models.TextField(blank=True)

    class Meta:
        db_table = "drf_outbox"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="outbox_seq_once", fields=["tenant", "key", "seq"]),
            models.CheckConstraint(name="outbox_seq_from_one", condition=Q(seq__gte=1)),
            models.CheckConstraint(
                name="outbox_partition_known", condition=Q(partition__lt=PARTITIONS)
            ),
            models.CheckConstraint(
                name="outbox_dead_or_published",
                condition=Q(published_at__isnull=True) | Q(dead_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="outbox_unpublished", fields=["id"], condition=Q(published_at__isnull=True)
            ),
            models.Index(
                name="outbox_put_off", fields=["not_before"], condition=Q(not_before__isnull=False)
            ),
            models.Index(
                name="outbox_by_age",
                fields=["published_at"],
                condition=Q(published_at__isnull=False),
            ),
            models.Index(name="outbox_of_tenant", fields=["tenant", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"

    @property
    def state(self) -> State:
        """The state that the two times stand for."""
        if self.dead_at is not None:
            return self.State.DEAD
        return self.State.WAITING if self.published_at is None else self.State.PUBLISHED


IN_STATE = {
    OutboxEvent.State.WAITING: Q(published_at__isnull=True, dead_at__isnull=True),
    OutboxEvent.State.PUBLISHED: Q(published_at__isnull=False),
    OutboxEvent.State.DEAD: Q(dead_at__isnull=False, published_at__isnull=True),
}
