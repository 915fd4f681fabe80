"""`manage.py delete_tenant`: removes a tenant with all that it has."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from drift_detector.audit.erasure.catalogue import NotTheOwner
from drift_detector.audit.erasure.tenant import delete_tenant
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope


class Command(BaseCommand):
    help = (
        "Remove a tenant with all that it has, in batches; run it again after an interruption. The certificate says "
        "what was removed and what stays where. Needs the owner's login."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", type=UUID, help="the tenant's id")
        parser.add_argument("--slug", required=True, help="its short name, which confirms the id")
        parser.add_argument(
            "--certificate", type=Path, required=True, help="where to write the certificate (JSON)"
        )

    def handle(
        self, *args: Any, tenant: UUID, slug: str, certificate: Path, **options: Any
    ) -> None:
        with tenant_scope(tenant):
            found = Tenant.objects.filter(id=tenant).first()
        if found is None:
            raise CommandError(f"There is no tenant {tenant}.")
        if found.slug != slug:
            raise CommandError(f"The tenant {tenant} is not {slug!r}; nothing was removed.")
        try:
            written = delete_tenant(found, certificate)
        except (NotTheOwner, ValueError) as error:
            raise CommandError(str(error)) from error
        for table, count in sorted(written.removed.items()):
            self.stdout.write(f"{table}: {count}")
        self.stdout.write(f"The certificate is {certificate}.")
