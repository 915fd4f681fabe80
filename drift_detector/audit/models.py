"""The audit trail."""

import uuid

from django.db import models

from drift_detector.tenancy.principal import ActorKind

DATABASE = "database"
"""The kind of an actor that has written with SQL of its own; its id is the role of PostgreSQL."""

ACTOR_KINDS = [(each.value, each.value) for each in ActorKind] + [(DATABASE, DATABASE)]


class AuditEntry(models.Model):
    """One change of a row, or one thing that a person or a key did; written by the database, never changed.

    People are known by their ids alone; `drf_users` has their names. The table is in partitions of a month, and
    migrations make it with SQL.
    """

    class Action(models.TextChoices):
        INSERT = "insert"
        UPDATE = "update"
        DELETE = "delete"
        READ = "read"
        SIGN_IN = "sign_in"
        SIGN_IN_FAILED = "sign_in_failed"
        SIGN_OUT = "sign_out"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No foreign key: the trail of a tenant can outlive it.
    tenant_id = models.UUIDField(
        null=True, help_text="Null: of no tenant, such as a person's account."
    )
    created_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ACTOR_KINDS)
    actor_id = models.CharField(max_length=300)
    action = models.CharField(max_length=20, choices=Action)
    object_type = models.CharField(max_length=100, help_text="The table, or the page.")
    object_id = models.CharField(max_length=100)
    before = models.JSONField(null=True, help_text="The values that were changed or removed.")
    after = models.JSONField(null=True, help_text="The values that they were changed to.")
    request_id = models.CharField(max_length=100)
    address = models.CharField(max_length=100)

    class Meta:
        db_table = "drf_audit"
        managed = False
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}".strip()
