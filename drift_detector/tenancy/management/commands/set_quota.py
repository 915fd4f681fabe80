"""`manage.py set_quota`: gives a tenant quotas of its own."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from drift_detector.tenancy import services
from drift_detector.tenancy.models import Quota, Tenant
from drift_detector.tenancy.quotas import list_standings
from drift_detector.tenancy.scope import tenant_scope

LARGEST = 2**62


class Command(BaseCommand):
    help = (
        "Give a tenant quotas of its own, such as runs_per_day=1000; 0 allows nothing, and default is the setting. "
        "A quota below what is used removes nothing. Without a quota, only show them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "tenant", type=UUID, help="the tenant's id, as create_tenant printed it"
        )
        parser.add_argument("quotas", nargs="*", type=_quota, help=" ".join(Quota.values))

    def handle(
        self, *args: Any, tenant: UUID, quotas: list[tuple[str, int | None]], **options: Any
    ) -> None:
        with tenant_scope(tenant):
            if not Tenant.objects.filter(id=tenant).exists():
                raise CommandError(f"There is no tenant {tenant}.")
            if quotas:
                services.set_quotas(**dict(quotas))
            for standing in list_standings():
                self.stdout.write(f"{standing.quota.value}={standing.limit} used={standing.used}")


def _quota(text: str) -> tuple[str, int | None]:
    name, _, value = text.partition("=")
    if name not in Quota.values:
        raise ArgumentTypeError(f"{name!r} must be one of {', '.join(Quota.values)}")
    if value == "default":
        return name, None
    if not value.isdecimal() or int(value) > LARGEST:
        raise ArgumentTypeError(f"{name} must be a whole number from 0 to 2^62, or default")
    return name, int(value)
