"""Documents that have been applied: the monitors and the budget of a model, as a file says them."""

from django.db import models

from drift_detector.tenancy.models import TenantModel, tenant_reference

LONGEST_DOCUMENT_NAME = 100


class Document(TenantModel):
    """A document as it was applied last; it owns the monitors that it names."""

    name = models.CharField(max_length=LONGEST_DOCUMENT_NAME)
    model_id = models.UUIDField(help_text="The model whose monitors it names.")
    content_hash = models.CharField(
        max_length=64, help_text="SHA-256 of all settings with their defaults, without the name."
    )
    applied_at = models.DateTimeField()
    applied_by = models.CharField(max_length=200)

    class Meta:
        db_table = "drf_documents"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("document"),
            models.UniqueConstraint(name="document_name_once", fields=["tenant", "name"]),
        ]
        indexes = [models.Index(name="document_newest", fields=["tenant", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name


class DocumentObject(TenantModel):
    """A monitor or a budget that a document owns; no other document may change it.

    The row of what was removed by hand is left, and goes with the next apply.
    """

    class Kind(models.TextChoices):
        MONITOR = "monitor"
        BUDGET = "budget"  # its object is the model

    document = tenant_reference("alerts.Document", related_name="objects_owned")
    kind = models.CharField(max_length=10, choices=Kind)
    object_id = models.UUIDField()
    settings = models.JSONField(help_text="The fields as they were applied, with their defaults.")

    class Meta:
        db_table = "drf_document_objects"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                name="document_object_has_one_owner", fields=["tenant", "kind", "object_id"]
            ),
        ]
        indexes = [models.Index(name="object_of_document", fields=["tenant", "document"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
