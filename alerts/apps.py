from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        from alerts.documents.document_jobs import read_for_apply
        from alerts.health.run_health import HealthListener
        from alerts.retraining.verification import VerificationListener
        from alerts.run_listener import AlertListener
        from detections.listeners import register_listener
        from monitors.jobs.kinds import register_kind
        from monitors.models import Job

        register_listener(VerificationListener())  # first: it locks the model before any alert
        register_listener(AlertListener())
        register_listener(HealthListener())
        register_kind(Job.Kind.APPLY_DOCUMENT, read_for_apply)
