"""`manage.py create_api_key`: creates an API key for a tenant."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from drift_detector.tenancy import services
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.scope import tenant_scope

LONGEST_DAYS = 36_500


class Command(BaseCommand):
    help = "Create an API key for a tenant; it is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "tenant", type=UUID, help="the tenant's id, as create_tenant printed it"
        )
        parser.add_argument("name", help="the purpose of the key")
        parser.add_argument("--role", choices=Role.values, default=Role.OPERATOR.value)
        parser.add_argument(
            "--days", type=_days, help="days until the key expires; by default it never does"
        )

    def handle(
        self, *args: Any, tenant: UUID, name: str, role: str, days: int | None, **options: Any
    ) -> None:
        expires_at = timezone.now() + timedelta(days=days) if days else None
        with tenant_scope(tenant):
            if not Tenant.objects.filter(id=tenant).exists():
                raise CommandError(f"There is no tenant {tenant}.")
            key = _create(name, Role(role), expires_at)
        self.stdout.write(key)


def _create(name: str, role: Role, expires_at: datetime | None) -> str:
    try:
        _, key = services.create_api_key(name=name, role=role, expires_at=expires_at)
    except ValidationError as error:
        raise CommandError("; ".join(error.messages)) from error
    except OverQuota as error:
        raise CommandError(str(error)) from error
    return key


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LONGEST_DAYS:
        raise ArgumentTypeError(f"{text!r} must be a number of days from 1 to {LONGEST_DAYS}")
    return int(text)
