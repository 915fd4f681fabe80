"""`manage.py rotate_api_key`: gives an API key a successor."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any
from uuid import UUID

from drift_detector.tenancy import services
from drift_detector.tenancy.management.tenant_command import (
    TenantCommand,
    add_lifetime,
    lifetime_of,
    tenant_of_command,
)


class Command(TenantCommand):
    help = "Create the successor of an API key, printed once; the old key ends after an overlap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("key", type=UUID, help="the id of the key, as list_api_keys shows it")
        parser.add_argument(
            "--overlap-days",
            type=_overlap,
            help="days that the old key is still answered, 7 by default; 0 revokes it at once",
        )
        add_lifetime(parser)

    def handle(
        self,
        *args: Any,
        tenant: UUID,
        key: UUID,
        overlap_days: timedelta | None,
        days: int | None,
        never_expires: bool,
        **options: Any,
    ) -> None:
        lifetime = lifetime_of(days, never_expires=never_expires)
        with tenant_of_command(tenant):
            _, text = services.rotate_api_key(key_id=key, overlap=overlap_days, lifetime=lifetime)
        self.stdout.write(text)


def _overlap(text: str) -> timedelta:
    if not text.isdecimal() or int(text) > services.LONGEST_OVERLAP.days:
        most = services.LONGEST_OVERLAP.days
        raise ArgumentTypeError(f"{text!r} must be a number of days from 0 to {most}")
    return timedelta(days=int(text))
