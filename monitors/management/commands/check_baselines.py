"""`manage.py check_baselines`: names the baselines of older versions, and requests their rebuild."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.rls import SCHEDULER
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.contracts import BaselineCheck, check_baselines, request_rebuild
from monitors.selectors import list_tenants_with_baselines

HEAD = ["TENANT", "MONITOR", "NAME", "VERSION", "CONTRACT", "REFERENCE", "REBUILD", "REASON"]
TENANTS = "the ids of the tenants, as create_tenant or --list-tenants printed them"
LIST_TENANTS = "print the ids of all tenants that have a baseline; needs the scheduler's login"
REBUILD = "request a new version of each baseline without a contract whose reference is the same"


class Command(BaseCommand):
    help = (
        "List each monitor's current baseline, if it has a contract (the types of its values), and if "
        "its reference can be read. Exit code 1 if a baseline without one is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenants", nargs="*", type=UUID, metavar="TENANT", help=TENANTS)
        parser.add_argument("--list-tenants", action="store_true", help=LIST_TENANTS)
        parser.add_argument("--rebuild", action="store_true", help=REBUILD)

    def handle(
        self, *args: Any, tenants: list[UUID], list_tenants: bool, rebuild: bool, **options: Any
    ) -> None:
        if bool(tenants) == list_tenants:
            raise CommandError("check_baselines needs the ids of tenants, or --list-tenants.")
        if list_tenants:
            self._list_tenants()
        elif not self._check(tenants, is_rebuild=rebuild):
            sys.exit(1)

    def _list_tenants(self) -> None:
        _require_role()
        for tenant in list_tenants_with_baselines():
            self.stdout.write(str(tenant))

    def _check(self, tenants: Sequence[UUID], *, is_rebuild: bool) -> bool:
        """Print the baselines of tenants; False if one without a contract is left as it is."""
        slugs = {tenant: _slug_of(tenant) for tenant in tenants}
        rows: list[list[str]] = []
        is_any_left = False
        for tenant, slug in slugs.items():
            for check in check_baselines(tenant):
                rebuilt = _rebuild(check) if is_rebuild else ""
                rows.append(_row(slug, check, rebuilt))
                is_any_left |= check.needs_rebuild and not rebuilt
        self._table([HEAD, *rows])
        return not is_any_left

    def _table(self, lines: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            self.stdout.write("  ".join(map(str.ljust, line, widths)).rstrip())


def _slug_of(tenant_id: UUID) -> str:
    with tenant_scope(tenant_id):
        slug = Tenant.objects.filter(id=tenant_id).values_list("slug", flat=True).first()
    if slug is None:
        raise CommandError(f"There is no tenant {tenant_id}.")
    return slug


def _rebuild(check: BaselineCheck) -> str:
    """Request a rebuild where it is possible; the new version, for the table."""
    if not check.can_be_rebuilt:
        return ""
    return f"version {request_rebuild(check).version}"


def _row(slug: str, check: BaselineCheck, rebuilt: str) -> list[str]:
    monitor = check.monitor
    rebuild = rebuilt or ("under way" if check.is_rebuilding else "")
    about = [str(check.version), check.contract.value, check.reference.value or "-"]
    return [slug, str(monitor.id), monitor.name, *about, rebuild or "-", _one_line(check.reason)]


def _one_line(reason: str) -> str:
    return " ".join(reason.split())


def _require_role() -> None:
    """Refuse other roles: row-level security would show them no tenant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_has_role(current_user, %s, 'MEMBER')", [SCHEDULER])
        name, is_scheduler = cursor.fetchone()
    if not is_scheduler:
        raise CommandError(f"--list-tenants needs the scheduler's login; {name} sees no tenant.")
