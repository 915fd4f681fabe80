"""The part of a run's page that says which slices carry its drift."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from detections.explanations.run_explanations import NotExplainable, check_explainable
from detections.explanations.selectors import get_latest_explanation
from detections.models import DetectionRun
from drift_detector.screens.asking import answer_of, ask, errors_of
from monitors.models import Job


def explanation_of(run: DetectionRun) -> dict[str, Any] | None:
    """The newest explanation of a run: on its way, found, or why there is none; None if no one has asked."""
    job = get_latest_explanation(run.id)
    if job is None:
        return None
    reasons = [reason for reasons in errors_of(job).values() for reason in reasons]
    return {"is_finished": job.is_finished, "errors": reasons, **answer_of(job)}


def ask_for_explanation(request: HttpRequest, run: DetectionRun) -> str:
    """Ask a worker to explain a run; the reason why not, or nothing."""
    try:
        check_explainable(run)
        ask(request, Job.Kind.EXPLAIN_RUN, {"run": str(run.id)}, monitor_id=run.monitor_id)
    except NotExplainable as error:
        return str(error)
    except ValidationError as error:
        return error.messages[0]
    return ""
