"""`manage.py keep_audit`: makes the months of the audit trail that come, and drops the old ones."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from drift_detector.audit import trail_partitions


class Command(BaseCommand):
    help = "Make the coming months of the audit trail and drop those past their retention; as the owner, once a month."

    def handle(self, *args: Any, **options: Any) -> None:
        for name in trail_partitions.make_coming_months():
            self.stdout.write(f"made {name}")
        for name in trail_partitions.drop_older_than(settings.ENV.audit.retention_days):
            self.stdout.write(f"dropped {name}")
