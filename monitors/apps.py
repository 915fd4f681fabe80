from django.apps import AppConfig


class MonitorsConfig(AppConfig):
    name = "monitors"

    def ready(self) -> None:
        from drift_detector.audit.erasure.tenant import register_removal
        from drift_detector.tenancy.models import Quota
        from drift_detector.tenancy.quotas import register_counter
        from drift_detector.work import register_work
        from monitors.models import Monitor
        from monitors.services import remove_schedules

        register_removal(remove_schedules)
        register_counter(Quota.MONITORS, Monitor.objects.count)
        register_work("drf_baselines", "status = 'building'")
        register_work("drf_jobs", "status = 'running'")
