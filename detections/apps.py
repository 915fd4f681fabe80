from django.apps import AppConfig


class DetectionsConfig(AppConfig):
    name = "detections"

    def ready(self) -> None:
        from drift_detector.work import register_work

        register_work("drf_runs", "status = 'running'")
        register_work("drf_run_parts", "lease_token IS NOT NULL")
        register_work("drf_backtests", "status = 'running'")
        register_work("drf_reports", "status = 'building'")
