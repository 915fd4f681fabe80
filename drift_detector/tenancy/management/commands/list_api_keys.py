"""`manage.py list_api_keys`: lists the API keys of a tenant."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drift_detector.tenancy.management.tenant_command import (
    TenantCommand,
    day_of,
    tenant_of_command,
)
from drift_detector.tenancy.models import ApiKey

TITLES = ("ID", "PREFIX", "NAME", "STATE", "EXPIRES", "LAST USED", "SCOPES")


class Command(TenantCommand):
    help = "List the API keys of a tenant, newest first; those that have ended with --all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help="also the expired and the revoked")

    def handle(self, *args: Any, tenant: UUID, **options: Any) -> None:
        with tenant_of_command(tenant):
            keys = ApiKey.objects.all() if options["all"] else ApiKey.objects.usable()
            rows = [TITLES, *map(_row, keys)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write(_line(row, widths))


def _row(key: ApiKey) -> tuple[str, ...]:
    expires, used = day_of(key.expires_at, "never"), day_of(key.last_used_at, "-")
    scopes = ",".join(key.scopes)
    return (str(key.id), key.prefix, key.name, key.state.value, expires, used, scopes)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()
