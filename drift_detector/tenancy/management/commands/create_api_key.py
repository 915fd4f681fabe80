from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from drift_detector.tenancy import services
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.scope import tenant_scope


class Command(BaseCommand):
    help = "Make an API key for a tenant and print it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", type=UUID, help="the tenant's id, as create_tenant printed it")
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--role", choices=Role.values, default=Role.OPERATOR.value)
        parser.add_argument("--days", type=int, help="days until it expires; never by default")

    def handle(self, *args: Any, tenant: UUID, name: str, role: str, days: int | None, **options: Any) -> None:
        expires_at = timezone.now() + timedelta(days=days) if days else None
        with tenant_scope(tenant):
            if not Tenant.objects.filter(id=tenant).exists():
                raise CommandError(f"There is no tenant {tenant}.")
            _, key = services.create_api_key(name=name, role=Role(role), expires_at=expires_at)
        self.stdout.write(key)
