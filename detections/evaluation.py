"""From a claimed run to its outcome: read the window once, compare it with the baseline."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan, Limits, Method, Policy, psi_limits, significance_limits
from algorithms.verdicts import combine_verdicts
from detections.ledger import Claim
from detections.models import DetectionRun
from detections.outcomes import Outcome, failure
from detections.plans import NoBaseline, load_plan, read_run_window
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.sources import SourceError


def evaluate_run(claim: Claim) -> Outcome:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    with tenant_scope(claim.tenant_id):
        try:
            plan = load_plan(claim.run_id)
        except NoBaseline as error:
            methods = DetectionRun.objects.values_list("monitor__methods", flat=True).get(id=claim.run_id)
            return failure(str(error), methods=methods)
    try:
        table = read_run_window(plan, list(plan.baseline.features))
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=plan.monitor.methods)
    frozen = FrozenBaseline.from_bytes(bytes(plan.baseline.content or b""))
    methods = tuple(evaluate(frozen, table, evaluation_plan(plan.monitor)))
    return Outcome(
        verdict=combine_verdicts(method.verdict for method in methods if method.details),
        reason="" if table.num_rows else "The window holds no row.",
        rows=table.num_rows,
        baseline_id=plan.baseline.id,
        methods=methods,
    )


def evaluation_plan(monitor: Monitor) -> EvaluationPlan:
    """A monitor's methods, limits and policy in the engine's words; the settings fill what it leaves open."""
    methods = [Method(method) for method in monitor.methods]
    overrides = {
        (method, feature): _limits(monitor, method, feature)
        for method in methods
        for limits in (monitor.thresholds, monitor.tolerances)
        for feature in limits.get(method, {}).get("features", {})
    }
    return EvaluationPlan(
        methods={method: _limits(monitor, method) for method in methods},
        overrides=overrides,
        policy=Policy(monitor.policy),
        min_rows=monitor.min_rows,
    )


def _limits(monitor: Monitor, method: Method, feature: str = "") -> Limits:
    env = settings.ENV
    threshold = _number(monitor.thresholds, method, feature)
    if method is Method.PSI:
        limit = threshold or env.drift_threshold_psi
        return psi_limits(limit, min(env.drift_warning_threshold_psi, limit))
    is_ks = method is Method.KS
    return significance_limits(
        threshold or (env.drift_threshold_ks if is_ks else env.drift_threshold_chi2),
        _number(monitor.tolerances, method, feature)
        or (env.effect_tolerance_ks if is_ks else env.effect_tolerance_chi2),
    )


def _number(limits: Mapping[str, Any], method: Method, feature: str) -> float | None:
    """The monitor's own number for a feature, else for the method; None when it has left it open."""
    mine = limits.get(method, {})
    number: float | None = mine.get("features", {}).get(feature, mine.get("default"))
    return number
