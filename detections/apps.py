from django.apps import AppConfig


class DetectionsConfig(AppConfig):
    name = "detections"

    def ready(self) -> None:
        from detections.explanations.run_explanations import read_for_explanation
        from detections.label_audits.label_audit_jobs import read_for_label_audit
        from drift_detector.work import register_work
        from monitors.jobs.kinds import register_kind
        from monitors.models import Job

        register_work("drf_runs", "status = 'running'")
        register_work("drf_run_parts", "lease_token IS NOT NULL")
        register_work("drf_backtests", "status = 'running'")
        register_work("drf_reports", "status = 'building'")
        register_kind(Job.Kind.EXPLAIN_RUN, read_for_explanation)
        register_kind(Job.Kind.DRAW_LABEL_AUDIT, read_for_label_audit)
