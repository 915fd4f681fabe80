"""From a claimed run to its outcome: read the window once, compare it with the baseline."""

from django.conf import settings

from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.outcomes import MethodOutcome
from algorithms.verdicts import combine_verdicts
from detections.ledger import Claim
from detections.models import DetectionRun
from detections.outcomes import Outcome, failure
from detections.plans import NoBaseline, Plan, load_plan, open_run_window
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines import UnreadableBaseline
from monitors.plans import evaluation_plan
from monitors.sources import LazyWindow, SourceError


def evaluate_run(claim: Claim) -> Outcome:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    with tenant_scope(claim.tenant_id):
        try:
            plan = load_plan(claim.run_id)
        except (NoBaseline, UnreadableBaseline) as error:
            methods = DetectionRun.objects.values_list("monitor__methods", flat=True).get(id=claim.run_id)
            return failure(str(error), methods=methods)
    try:
        return _compare(plan)
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=plan.monitor.methods)


def _compare(plan: Plan) -> Outcome:
    calibration = plan.baseline.calibration or {}
    question = evaluation_plan(plan.monitor, usual_rows=tuple(calibration.get("rows", ())))
    with open_run_window(plan, list(plan.frozen.features)) as window:
        if isinstance(window, LazyWindow) and window.bytes_at_most >= settings.ENV.data.stream_bytes:
            profile = plan.frozen.profile(window.batches())
            rows, methods = profile.rows, evaluate_profile(plan.frozen, profile, question)
        else:
            rows, methods = window.num_rows, evaluate(plan.frozen, window, question)
    return _outcome(plan, rows, tuple(methods))


def _outcome(plan: Plan, rows: int, methods: tuple[MethodOutcome, ...]) -> Outcome:
    return Outcome(
        verdict=combine_verdicts(method.verdict for method in methods if method.details),
        reason="" if rows else "The window holds no row.",
        rows=rows,
        baseline_id=plan.baseline.id,
        methods=methods,
    )
