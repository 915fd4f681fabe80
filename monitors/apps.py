from django.apps import AppConfig


class MonitorsConfig(AppConfig):
    name = "monitors"

    def ready(self) -> None:
        from drift_detector.tenancy.models import Quota
        from drift_detector.tenancy.quotas import register_counter
        from monitors.models import Monitor

        register_counter(Quota.MONITORS, Monitor.objects.count)
