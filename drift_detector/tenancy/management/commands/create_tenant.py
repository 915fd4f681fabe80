"""`manage.py create_tenant`: creates a tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from drift_detector.tenancy import services


class Command(BaseCommand):
    help = "Create a tenant and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "slug", help="short name for folders and commands: letters, digits, - and _"
        )
        parser.add_argument("--name", help="name for people; the slug by default")

    def handle(self, *args: Any, slug: str, name: str | None, **options: Any) -> None:
        try:
            tenant = services.create_tenant(slug=slug, name=name or slug)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(str(tenant.id))
