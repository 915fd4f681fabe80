"""`manage.py reset_second_factor`: for a person who has lost phone and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from drift_detector.tenancy.models import User
from drift_detector.tenancy.sign_in import second_factor


class Command(BaseCommand):
    help = "Remove a person's second factor; an admin sets up a new one at the next sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no person {username!r}.")
        if not second_factor.remove(user):
            raise CommandError(f"{username} has no second factor.")
        self.stdout.write(f"{username} has no second factor any more.")
