"""`manage.py reencrypt TENANT_ID …`: encrypts second factors, channels and model mappings by the newest key."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from alerts.channels.services import encrypt_again
from alerts.models import Channel, ModelMapping
from alerts.retraining.mlflow import encrypt_mappings
from drift_detector.encryption import NoKey
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.sign_in import second_factor


class Command(BaseCommand):
    help = (
        "Encrypt all second factors, and addresses and secrets of tenants' channels and model mappings, by "
        "AUMOS_DRIFT_ENCRYPTION__KEY; needs the earlier keys in AUMOS_DRIFT_ENCRYPTION__OLD_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant_id", type=UUID, nargs="+")

    def handle(self, *args: Any, tenant_id: list[UUID], **options: Any) -> None:
        try:
            people = second_factor.encrypt_again()
        except NoKey as error:
            raise CommandError(f"second factors: {error}") from error
        self.stdout.write(
            f"{people} second factors and recovery codes encrypted by the newest key."
        )
        for each in tenant_id:
            try:
                with tenant_scope(each):
                    changed = encrypt_again(Channel.objects.select_for_update())
                    mapped = encrypt_mappings(ModelMapping.objects.select_for_update())
            except NoKey as error:
                raise CommandError(f"{each}: {error}") from error
            self.stdout.write(
                f"{each}: {changed} channels and {mapped} model mappings encrypted by the newest key."
            )
