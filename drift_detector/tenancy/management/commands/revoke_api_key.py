"""`manage.py revoke_api_key`: ends an API key at once."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from drift_detector.tenancy import services
from drift_detector.tenancy.management.tenant_command import TenantCommand, tenant_of_command


class Command(TenantCommand):
    help = "Refuse requests with an API key from now on; revoking it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("key", type=UUID, help="the id of the key, as list_api_keys shows it")

    def handle(self, *args: Any, tenant: UUID, key: UUID, **options: Any) -> None:
        with tenant_of_command(tenant):
            revoked = services.revoke_api_key(key_id=key)
        self.stdout.write(f"{revoked} is revoked.")
