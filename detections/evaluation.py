"""From a claimed run to its outcome: read the window once, compare it with the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.evaluation import evaluate
from algorithms.outcomes import MethodOutcome
from algorithms.plan import EvaluationPlan, Limits, Method, Policy, psi_limits, significance_limits
from algorithms.verdicts import Verdict, combine_verdicts
from detections.ledger import Claim
from detections.models import DetectionRun
from drift_detector.tenancy.scope import tenant_scope
from monitors import selectors as monitor_selectors
from monitors.models import Baseline, Monitor
from monitors.sources import SourceError, SourcePolicy, read_window, table_from_bytes


class BaselineNotReady(Exception):
    """The monitor's first baseline is still being built."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, loaded before any work begins."""

    run: DetectionRun
    monitor: Monitor
    baseline: Baseline
    policy: SourcePolicy


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run ended with; `is_failed` when the window could not be judged at all."""

    verdict: Verdict
    reason: str = ""
    rows: int | None = None
    baseline_id: UUID | None = None
    methods: tuple[MethodOutcome, ...] = ()
    is_failed: bool = False


def evaluate_run(claim: Claim) -> Outcome:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    with tenant_scope(claim.tenant_id):
        plan = load_plan(claim.run_id)
    if isinstance(plan, Outcome):
        return plan
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


def failure(reason: str, *, methods: list[str]) -> Outcome:
    """The outcome of a run that could not be judged: each method answers `error`."""
    nothing = MethodOutcome(
        method=Method.KS, verdict=Verdict.ERROR, is_drifted=False, severity=None, worst_feature=None,
        statistic=None, threshold=None, p_value=None, effect_size=None, details=(),
    )  # fmt: skip
    answers = tuple(replace(nothing, method=Method(method)) for method in methods)
    return Outcome(verdict=Verdict.ERROR, reason=reason, methods=answers, is_failed=True)


def read_run_window(plan: Plan, columns: list[str]) -> pa.Table:
    """The rows a run judges: those sent with the request, or its window of the monitor's data.

    Without a timestamp column there is no telling windows apart, and the data as it stands is the window.
    """
    if plan.run.inline_data is not None:
        return table_from_bytes(bytes(plan.run.inline_data))
    if not plan.monitor.timestamp_column:
        return read_window(plan.monitor.current_data_uri, plan.policy, columns=columns)
    return read_window(
        plan.monitor.current_data_uri,
        plan.policy,
        columns=columns,
        timestamp_column=plan.monitor.timestamp_column,
        start=plan.run.window_start,
        end=plan.run.window_end,
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


def load_plan(run_id: UUID) -> Plan | Outcome:
    """Load what a run needs, in the caller's tenant scope.

    Raises:
        BaselineNotReady: If no version is ready and one is being built.
    """
    run = DetectionRun.objects.select_related("monitor").get(id=run_id)
    current = run.baseline or monitor_selectors.get_current_baseline(run.monitor_id)
    if current is not None:
        policy = monitor_selectors.get_source_policy()
        return Plan(run=run, monitor=run.monitor, baseline=Baseline.objects.get(id=current.id), policy=policy)
    latest = monitor_selectors.get_latest_baseline(run.monitor)
    if latest is not None and latest.status == Baseline.Status.BUILDING:
        raise BaselineNotReady
    reason = latest.reason if latest else "there is none"
    return failure(f"The monitor has no baseline: {reason}", methods=run.monitor.methods)
