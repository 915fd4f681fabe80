"""Finds the evidence against the estimates of a window, from its inputs and from earlier windows."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
from algorithms.evaluation import summarize
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.performance import Metric, Support, examine
from algorithms.verdicts import Verdict
from detections.evaluation.context import RunContext
from detections.evaluation.estimate_history import wrong_before
from detections.evaluation.window_metrics import Estimates, PerformancePlan
from monitors.baselines.cache import frozen_baselines
from monitors.baselines.reference_samples import window_columns
from monitors.monitor_windows import current_window
from monitors.prediction_tables import drop_unknown
from monitors.sampled_predictions import sample_predictions
from monitors.sources import SourceError

JUDGED = (Verdict.OK, Verdict.DRIFT)
UNREAD = "The inputs could not be compared with the reference's: {}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence against estimates.

    Attributes:
        reasons: Why an estimate is unsupported; estimates without a reason are supported.
        inputs: How the inputs differ from the reference's; None if they were not compared.
    """

    reasons: dict[Metric, str] = field(default_factory=dict)
    inputs: Support | None = None


NO_EVIDENCE = Evidence()


def find_evidence(context: RunContext, plan: PerformancePlan, estimates: Estimates) -> Evidence:
    """The evidence against the estimates of a run's window.

    A baseline from before samples were kept has none about inputs.

    Raises:
        SourceError: If the window cannot be read now and can be later.
    """
    given = {metric: each for metric, each in estimates.items() if each.value is not None}
    if not given:
        return NO_EVIDENCE
    reasons = wrong_before(context, given)
    try:
        support = _examine_inputs(context, plan, given)
    except (SourceError, *COLUMN_ERRORS) as error:
        if isinstance(error, SourceError) and error.is_transient:
            raise
        return Evidence(dict.fromkeys(given, UNREAD.format(error)) | reasons)
    if support is None:
        return Evidence(reasons)
    shifted = [metric for metric in given if support.is_unsupported(metric)]
    return Evidence({metric: support.reason(metric) for metric in shifted} | reasons, support)


def _examine_inputs(
    context: RunContext, plan: PerformancePlan, estimates: Estimates
) -> Support | None:
    learnt, monitor = plan.estimators, context.monitor
    if learnt.sample is None:
        return None
    bounds = (context.run.window_start, context.run.window_end)
    table = sample_predictions(
        monitor,
        current_window(monitor, context.policy, bounds),
        frozen_baselines.get(context.baseline),
        learnt.sample.features,
        context.baseline.prediction_types,
    )
    known = _known(table)
    columns = window_columns(known, learnt.sample.features)
    return examine(learnt.sample, columns, estimates, learnt.calibration)


def _known(table: pa.Table) -> pa.Table:
    """The rows that have a score, where the window has scores."""
    return drop_unknown(table, "score") if "score" in table.column_names else table


def with_support(
    estimated: MethodResult, evidence: Evidence, measured: Collection[Metric]
) -> MethodResult:
    """The judged estimates, of which those are `unsupported` that the evidence speaks against.

    Where labels have measured the metric in the same window, they alone count.
    """
    details = [_with_evidence(each, evidence, measured) for each in estimated.details]
    found = summarize(estimated.method, details)
    is_shown_alone = not found.is_judgeable
    return replace(found, verdict=Verdict.UNSUPPORTED) if is_shown_alone else found


def _with_evidence(
    detail: FeatureDetail, evidence: Evidence, measured: Collection[Metric]
) -> FeatureDetail:
    metric = Metric(detail.feature)
    detail = replace(detail, explanation={**detail.explanation, **_figures(metric, evidence)})
    if metric not in evidence.reasons or detail.verdict not in JUDGED:
        return detail
    return replace(
        detail,
        verdict=Verdict.UNSUPPORTED,
        signal=None,
        severity=None,
        reason=evidence.reasons[metric],
        is_judgeable=metric not in measured,
    )


def _figures(metric: Metric, evidence: Evidence) -> dict[str, object]:
    """The difference of the inputs that was found, beside the estimate."""
    if evidence.inputs is None:
        return {}
    support = {
        "shift": evidence.inputs.shift,
        "usual_shift": evidence.inputs.usual_shift,
        "unlike": evidence.inputs.unlike,
        "gap": evidence.inputs.gaps.get(metric),
        "move": evidence.inputs.moves.get(metric),
    }
    return {"support": support}
