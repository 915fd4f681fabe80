"""Holds the result of a run."""

from dataclasses import dataclass, replace
from uuid import UUID

from algorithms.method_results import MethodResult
from algorithms.methods import Method
from algorithms.verdicts import Verdict
from detections.outcomes.source_data import NewOutcomes


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The result of a run; `is_failed` when the window could not be judged at all.

    `new_outcomes` are the rows of predictions and labels that the run found and that its stream may not have yet.
    """

    verdict: Verdict
    reason: str = ""
    rows: int | None = None
    baseline_id: UUID | None = None
    methods: tuple[MethodResult, ...] = ()
    new_outcomes: NewOutcomes | None = None
    is_failed: bool = False


NOTHING_MEASURED = MethodResult(
    method=Method.KS, verdict=Verdict.ERROR, is_drifted=False, severity=None, worst_feature=None,
    statistic=None, threshold=None, p_value=None, effect_size=None, details=(),
)  # fmt: skip


def failure(reason: str, *, methods: list[str]) -> RunResult:
    """The result of a run that could not be judged: each method has the verdict `error`."""
    return replace(not_compared(Verdict.ERROR, reason, methods=methods), is_failed=True)


def not_compared(verdict: Verdict, reason: str, *, methods: list[str]) -> RunResult:
    """The result of a comparison that was not made: each method has the verdict."""
    nothing = replace(NOTHING_MEASURED, verdict=verdict)
    method_results = tuple(replace(nothing, method=Method(name)) for name in methods)
    return RunResult(verdict=verdict, reason=reason, methods=method_results)
