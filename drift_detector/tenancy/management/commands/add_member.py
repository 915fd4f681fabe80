"""`manage.py add_member`: adds a person to a tenant."""

import secrets
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from drift_detector.tenancy import services
from drift_detector.tenancy.models import Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope


class Command(BaseCommand):
    help = "Add a person to a tenant; the password of a new person is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "tenant", type=UUID, help="the tenant's id, as create_tenant printed it"
        )
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)

    def handle(self, *args: Any, tenant: UUID, username: str, role: str, **options: Any) -> None:
        with tenant_scope(tenant):
            if not Tenant.objects.filter(id=tenant).exists():
                raise CommandError(f"There is no tenant {tenant}.")
            users = User.objects
            user, is_new = users.get_or_create(username=username, defaults={"is_staff": True})
            services.add_member(user=user, role=Role(role))
            if is_new:
                self.stdout.write(_set_new_password(user))


def _set_new_password(user: User) -> str:
    password = secrets.token_urlsafe(16)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password
