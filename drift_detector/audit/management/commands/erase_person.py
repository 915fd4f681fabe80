"""`manage.py erase_person`: erases a person's name and addresses."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from drift_detector.audit.erasure.catalogue import NotTheOwner
from drift_detector.audit.erasure.person import erase_person, list_places_of
from drift_detector.tenancy.models import User
from drift_detector.tenancy.services import LastAdmin

LEFT = (
    "Not erased: backups, Kafka topics and the logs of the proxy before the service. Remove the person from them, "
    "or wait until their retention ends."
)


class Command(BaseCommand):
    help = (
        "Erase a person: the name and all addresses everywhere, sessions, memberships and sign-in methods. What the "
        "person wrote stays, without the author. Needs the owner's login."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--yes", action="store_true", help="confirm; without it, nothing is erased"
        )

    def handle(self, *args: Any, username: str, yes: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no person {username!r}.")
        if not yes:
            raise CommandError(f"This can't be undone. Say --yes to erase {username!r}.")
        try:
            email, done = user.email, erase_person(user)
            places = list_places_of(email)
        except (NotTheOwner, LastAdmin) as error:
            raise CommandError(str(error)) from error
        for table, count in sorted(done.items()):
            self.stdout.write(f"{table}: {count}")
        for place in places:
            self.stdout.write(f"{place} shows the person's mail address; change it there.")
        self.stdout.write(LEFT)
