"""`manage.py remove_member`: ends a person's membership of a tenant."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from drift_detector.tenancy import services
from drift_detector.tenancy.management.tenant_command import TenantCommand, tenant_of_command
from drift_detector.tenancy.models import Membership


class Command(TenantCommand):
    help = "End a person's membership of a tenant; the last admin of a tenant stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")

    def handle(self, *args: Any, tenant: UUID, username: str, **options: Any) -> None:
        with tenant_of_command(tenant):
            members = Membership.objects.select_related("user")
            member = members.filter(user__username=username).first()
            if member is None:
                raise CommandError("The tenant has no member of this name.")
            services.remove_member(user=member.user)
