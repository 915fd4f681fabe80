"""The command line of `manage.py`: Django's, where each command acts under its own name."""

from typing import Any

from django.core.management import ManagementUtility

PROCESSES = {"consume_outcomes", "notifier", "reconcile", "relay"}
"""The commands that run until they are stopped."""


class NamedUtility(ManagementUtility):
    """Names each command as the one who acts, so that none can forget it."""

    def fetch_command(self, subcommand: str) -> Any:
        command = super().fetch_command(subcommand)
        if not command.__module__.startswith("django."):
            command.requires_system_checks = ()  # `migrate` runs Django's checks; they import all pages
        # Only now are the settings and the apps loaded.
        from drift_detector.tenancy.acting import act_as_process
        from drift_detector.tenancy.principal import ActorKind

        kind = ActorKind.PROCESS if subcommand in PROCESSES else ActorKind.COMMAND
        act_as_process(kind, subcommand)
        return command
