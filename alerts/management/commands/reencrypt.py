"""`manage.py reencrypt TENANT_ID …`: encrypts the texts of channels by the newest key."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from alerts.channels.services import encrypt_again
from alerts.models import Channel
from drift_detector.encryption import NoKey
from drift_detector.tenancy.scope import tenant_scope


class Command(BaseCommand):
    help = (
        "Encrypt addresses and secrets of tenants' channels by AUMOS_DRIFT_ENCRYPTION__KEY; needs "
        "the earlier keys in AUMOS_DRIFT_ENCRYPTION__OLD_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant_id", type=UUID, nargs="+")

    def handle(self, *args: Any, tenant_id: list[UUID], **options: Any) -> None:
        for each in tenant_id:
            try:
                with tenant_scope(each):
                    changed = encrypt_again(Channel.objects.select_for_update())
            except NoKey as error:
                raise CommandError(f"{each}: {error}") from error
            self.stdout.write(f"{each}: {changed} channels encrypted by the newest key.")
