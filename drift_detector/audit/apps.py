from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "drift_detector.audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        post_migrate.connect(_keep_partitions, sender=self)
        from drift_detector.audit import sign_ins

        sign_ins.connect()


def _keep_partitions(**_: Any) -> None:
    """Migrations run as the owner, who alone may make the months that come; an older state has no trail."""
    from drift_detector.audit import trail_partitions

    if trail_partitions.has_trail():
        trail_partitions.make_coming_months()
