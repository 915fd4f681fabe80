"""Tenants, their members and their API keys."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

EXPIRES_SOON = timedelta(days=30)
"""The end of a key's time in which lists and the log say so: long enough for a rotation with a release a month."""


class Role(models.TextChoices):
    """The rights of a member; each role has the scopes of the one before it, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Scope(models.TextChoices):
    """The rights of a caller; each operation needs one, and none includes another."""

    MONITORS_READ = "monitors:read"
    MONITORS_WRITE = "monitors:write"
    RUNS_WRITE = "runs:write"
    OUTCOMES_WRITE = "outcomes:write"
    ALERTS_WRITE = "alerts:write"
    ADMIN = "admin"


class User(AbstractUser):
    """A person; only memberships decide which tenants they see."""

    class Meta(AbstractUser.Meta):
        db_table = "drf_users"


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "drf_tenants"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class TenantModel(models.Model):
    """A row that belongs to one tenant; its table is under row-level security."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    @classmethod
    def identity(cls, name: str) -> models.UniqueConstraint:
        """The constraint that a foreign key with the tenant refers to."""
        return models.UniqueConstraint(name=f"{name}_tenant_identity", fields=["tenant", "id"])


def tenant_reference(to: str, **options: Any) -> Any:
    """A foreign key whose database constraint is (tenant_id, …), added by `rls.tenant_foreign_key`.

    The database cascades, because Django would first load all rows that it deletes.
    """
    options = {"related_name": "+", **options}
    return models.ForeignKey(
        to,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        editable=False,
        **options,
    )


class Membership(TenantModel):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    is_by_provider = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="The groups of the identity provider gave it, and take it away again.",
    )

    class Meta:
        db_table = "drf_memberships"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(name="membership_once", fields=["tenant", "user"]),
            models.CheckConstraint(name="membership_role", condition=Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Quota(models.TextChoices):
    """The quotas of a tenant; the values name the settings, the columns of `drf_quotas` and the kinds of usage."""

    MONITORS = "monitors"
    KEYS = "keys"
    RUNS = "runs_per_day"
    OUTCOME_ROWS = "outcome_rows_per_day"
    BYTES_READ = "bytes_read_per_day"
    STORAGE = "storage_bytes"

    @property
    def is_by_day(self) -> bool:
        """True if the quota begins anew at midnight, UTC."""
        return self.value.endswith("_per_day")


def _amount(help_text: str) -> Any:
    """A number of a tenant's own; null stands for the setting, and 0 for nothing at all."""
    return models.PositiveBigIntegerField(null=True, blank=True, help_text=help_text)


class TenantQuota(TenantModel):
    """The quotas that a tenant has instead of the installation's."""

    monitors = _amount("Monitors.")
    keys = _amount("API keys that are neither revoked nor expired.")
    runs_per_day = _amount("Runs a day.")
    outcome_rows_per_day = _amount("Outcomes that are sent, a day.")
    bytes_read_per_day = _amount("Bytes of data that workers read, a day.")
    storage_bytes = _amount("Bytes that the tenant's rows take.")

    class Meta:
        db_table = "drf_quotas"
        verbose_name = "quota"
        constraints = [models.UniqueConstraint(name="quota_once_per_tenant", fields=["tenant"])]

    def __str__(self) -> str:
        return f"quotas of {self.tenant_id}"


class Usage(TenantModel):
    """The use of a quota on one day, in UTC; of storage, the bytes when last measured."""

    kind = models.CharField(max_length=30, choices=Quota)
    day = models.DateField()
    amount = models.PositiveBigIntegerField()

    class Meta:
        db_table = "drf_usage"
        constraints = [
            models.UniqueConstraint(name="usage_once_per_day", fields=["tenant", "kind", "day"]),
        ]
        indexes = [models.Index(name="usage_by_age", fields=["day"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.kind} on {self.day}"


class SavedFilter(TenantModel):
    """The filters, search and order of a list that a person keeps under a name."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    list_name = models.CharField(max_length=100, help_text="The label of the list's model.")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, help_text="The query of the list's address.")

    class Meta:
        db_table = "drf_saved_filters"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                name="saved_filter_once", fields=["tenant", "user", "list_name", "name"]
            ),
        ]

    def __str__(self) -> str:
        return self.name


_HAS_EXPIRED = Q(expires_at__isnull=False, expires_at__lte=Now())


class KeyState(models.TextChoices):
    """The states of an API key."""

    USABLE = "usable"
    EXPIRES_SOON = "expires_soon"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """API keys by their state."""

    def usable(self) -> Self:
        """The keys with which requests are answered."""
        return self.filter(~_HAS_EXPIRED, revoked_at__isnull=True)

    def in_state(self, state: KeyState) -> Self:
        """The keys of one state."""
        if state is KeyState.REVOKED:
            return self.filter(revoked_at__isnull=False)
        unrevoked = self.filter(revoked_at__isnull=True)
        if state is KeyState.EXPIRED:
            return unrevoked.filter(_HAS_EXPIRED)
        ends_soon = Q(expires_at__gt=Now(), expires_at__lte=Now() + EXPIRES_SOON)
        if state is KeyState.EXPIRES_SOON:
            return unrevoked.filter(ends_soon)
        return self.usable().exclude(ends_soon)


class ApiKey(TenantModel):
    """An API key, stored as its SHA-256; the key itself is shown once, at its creation."""

    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    prefix = models.CharField(
        max_length=12, help_text="The first characters, by which a key is recognised."
    )
    sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="The last request with it, to the minute."
    )
    last_used_from = models.CharField(
        max_length=50, blank=True, default="", help_text="The address of that request."
    )
    successor = tenant_reference(
        "tenancy.ApiKey", null=True, blank=True, help_text="The key that takes its place."
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "drf_api_keys"
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [
            TenantModel.identity("api_key"),
            models.CheckConstraint(
                name="api_key_scopes",
                condition=Q(scopes__contained_by=Scope.values) & Q(scopes__len__gt=0),
            ),
            models.CheckConstraint(
                name="api_key_ends_after_it_begins",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def granted(self) -> frozenset[Scope]:
        """The scopes of the key."""
        return frozenset(Scope(each) for each in self.scopes)

    @property
    def state(self) -> KeyState:
        """The state of the key at this moment."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        left = self.expires_at - timezone.now() if self.expires_at else timedelta.max
        if left <= timedelta(0):
            return KeyState.EXPIRED
        return KeyState.EXPIRES_SOON if left <= EXPIRES_SOON else KeyState.USABLE
