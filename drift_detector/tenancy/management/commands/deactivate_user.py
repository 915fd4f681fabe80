"""`manage.py deactivate_user`: ends a person's sessions and lets them sign in no more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from drift_detector.tenancy import services
from drift_detector.tenancy.models import User


class Command(BaseCommand):
    help = "End a person's sessions at once and let them sign in no more, in every tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=User.normalize_username(username)).first()
        if user is None:
            raise CommandError("There is no person of this name.")
        try:
            services.deactivate_user(user)
        except services.LastAdmin as error:
            raise CommandError(str(error)) from error
