"""Reads the jobs that explain runs."""

from uuid import UUID

from monitors.models import Job


def get_latest_explanation(run_id: UUID) -> Job | None:
    """The newest job that explains a run."""
    jobs = Job.objects.filter(kind=Job.Kind.EXPLAIN_RUN, fields__run=str(run_id))
    return jobs.order_by("-created_at", "-id").first()
