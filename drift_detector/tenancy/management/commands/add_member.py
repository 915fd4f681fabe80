"""`manage.py add_member`: adds a person to a tenant."""

import secrets
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from drift_detector.tenancy import services
from drift_detector.tenancy.management.tenant_command import TenantCommand, tenant_of_command
from drift_detector.tenancy.models import Membership, Role, User


class Command(TenantCommand):
    help = (
        "Add a person to a tenant, or change a member's role; the password of a new person is printed once. "
        "A person of another tenant joins only with --existing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)
        parser.add_argument(
            "--existing", action="store_true", help="add the person who has this name already"
        )

    def handle(
        self, *args: Any, tenant: UUID, username: str, role: str, existing: bool, **options: Any
    ) -> None:
        with tenant_of_command(tenant):
            user = User.objects.filter(username=User.normalize_username(username)).first()
            _check_meant(user, is_meant=existing)
            person = user or User.objects.create_user(username, is_staff=True)
            services.add_member(user=person, role=Role(role))
            if user is None:
                self.stdout.write(_set_new_password(person))


def _check_meant(user: User | None, *, is_meant: bool) -> None:
    """Refuse to add another person than the operator thinks of; a member of the tenant is known."""
    if is_meant and user is None:
        raise CommandError("There is no person of this name; leave out --existing.")
    if user is None or is_meant or Membership.objects.filter(user=user).exists():
        return
    raise CommandError(
        "There is a person of this name already, who is not a member of this tenant. "
        "If you mean this person, add --existing; otherwise choose another name."
    )


def _set_new_password(user: User) -> str:
    password = secrets.token_urlsafe(16)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password
