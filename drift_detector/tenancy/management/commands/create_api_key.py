"""`manage.py create_api_key`: creates an API key for a tenant."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from drift_detector.tenancy import services
from drift_detector.tenancy.management.tenant_command import (
    TenantCommand,
    add_lifetime,
    lifetime_of,
    tenant_of_command,
)
from drift_detector.tenancy.models import Role, Scope
from drift_detector.tenancy.rights import SCOPES


class Command(TenantCommand):
    help = "Create an API key for a tenant; it is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="the purpose of the key")
        rights = parser.add_mutually_exclusive_group()
        rights.add_argument(
            "--scope",
            choices=Scope.values,
            action="append",
            dest="scopes",
            help="a right of the key; can be given several times",
        )
        rights.add_argument(
            "--role",
            choices=Role.values,
            default=Role.OPERATOR.value,
            help="all scopes that a member of this role has",
        )
        add_lifetime(parser)

    def handle(
        self,
        *args: Any,
        tenant: UUID,
        name: str,
        role: str,
        scopes: list[str] | None,
        days: int | None,
        never_expires: bool,
        **options: Any,
    ) -> None:
        granted = frozenset(map(Scope, scopes)) if scopes else SCOPES[Role(role)]
        lifetime = lifetime_of(days, never_expires=never_expires)
        with tenant_of_command(tenant):
            _, key = services.create_api_key(name=name, scopes=granted, lifetime=lifetime)
        self.stdout.write(key)
