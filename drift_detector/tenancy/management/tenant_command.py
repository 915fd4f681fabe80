"""The base of commands about one tenant."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from drift_detector.tenancy.models import ApiKey, Tenant
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import (
    ENDLESS,
    USUAL_LIFETIME,
    LastAdmin,
    Lifetime,
    NotRotatable,
)

LONGEST_DAYS = 36_500


class TenantCommand(BaseCommand):
    """A command whose first argument is the id of a tenant."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "tenant", type=UUID, help="the tenant's id, as create_tenant printed it"
        )


@contextmanager
def tenant_of_command(tenant_id: UUID) -> Iterator[None]:
    """Work in the scope of a tenant; what the services refuse ends the command with a sentence.

    Raises:
        CommandError: If there is no such tenant, or a service refuses.
    """
    try:
        with tenant_scope(tenant_id):
            if not Tenant.objects.filter(id=tenant_id).exists():
                raise CommandError(f"There is no tenant {tenant_id}.")
            yield
    except ValidationError as error:
        raise CommandError("; ".join(error.messages)) from error
    except ApiKey.DoesNotExist as error:
        raise CommandError("There is no such key; list_api_keys names all.") from error
    except (OverQuota, LastAdmin, NotRotatable) as error:
        raise CommandError(str(error)) from error


def add_lifetime(parser: ArgumentParser) -> None:
    """Take the end of a new key."""
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--days", type=days, help="days until the key expires; 365 by default")
    ends.add_argument(
        "--never-expires", action="store_true", help="make a key that only a person ends"
    )


def lifetime_of(days: int | None, *, never_expires: bool) -> Lifetime:
    """The end of a new key, as the arguments say."""
    if never_expires:
        return ENDLESS
    return Lifetime(timezone.now() + timedelta(days=days)) if days else USUAL_LIFETIME


def days(text: str) -> int:
    """A number of days from 1.

    Raises:
        ArgumentTypeError: If it is none.
    """
    if not text.isdecimal() or not 0 < int(text) <= LONGEST_DAYS:
        raise ArgumentTypeError(f"{text!r} must be a number of days from 1 to {LONGEST_DAYS}")
    return int(text)


def day_of(moment: datetime | None, otherwise: str) -> str:
    """A moment in a column of a list."""
    return moment.astimezone(UTC).isoformat(timespec="minutes") if moment else otherwise
