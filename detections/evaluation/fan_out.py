"""Counts a large window with several workers: the run's own divides it, the others help, and the counts add up."""

from dataclasses import dataclass, replace
from threading import Event
from uuid import UUID

import structlog
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.profiles import Profile
from detections.evaluation.context import RunContext, load_context, open_run_window
from detections.evaluation.judge import plan_of_run
from detections.ledger.parts import (
    PartClaim,
    claim_part,
    count_unfinished,
    read_profiles,
    store_part,
    write_parts,
)
from detections.ledger.runs import Claim
from detections.models import DetectionRun, RunPart
from drift_detector.celery import Priority, TaskMessage, enqueue_all
from drift_detector.lease import kept_lease
from drift_detector.slots import most_at_work
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.work import NoRoom
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.monitor_windows import frozen_column_types
from monitors.sources import LazyWindow, SourceError

log = structlog.get_logger(__name__)

HELP_TASK = "detections.help_run"
POLL_SECONDS = 0.05


def profile_in_parts(
    claim: Claim,
    context: RunContext,
    frozen: FrozenBaseline,
    window: LazyWindow,
    sampled: frozenset[str],
) -> Profile:
    """Count a window with the help of other workers; to the last bit what one worker alone would count.

    The run's own worker counts parts like any other, so a run ends even without help: others do the runs that wait
    first. When no part is left to take, it waits for those that others count, and takes the part of one that stopped
    answering.

    Raises:
        LeaseLost: If the run is no longer ours.
        SourceError: If a part cannot be read.
    """
    parts = window.parts(settings.ENV.data.part_bytes)
    if len(parts) <= 1:
        return frozen.profile(window.batches(), sampled=sampled)
    write_parts(claim, baseline_id=context.baseline.id, parts=parts)
    _call_helpers(claim, most=len(parts) - 1)
    pause, counting = Event(), _Counting(context.run, frozen, window, sampled)
    while True:
        _count_free_parts(counting, worker=context.run.worker, token=claim.token)
        if not count_unfinished(claim):
            return Profile.merge(read_profiles(claim))
        pause.wait(POLL_SECONDS)


def _call_helpers(claim: Claim, *, most: int) -> None:
    """Enqueue the task of helpers, at most as many as the settings allow and the tenant has slots."""
    ids = {"tenant_id": claim.tenant_id, "run_id": claim.run_id}
    message = TaskMessage(HELP_TASK, ids, Priority.BACKFILL)
    helpers = min(most, settings.ENV.runs.max_helpers, most_at_work() - 1)
    enqueue_all([message] * helpers)


def help_run(*, tenant_id: UUID, run_id: UUID, worker: str) -> int:
    """Count parts of another worker's run until none is free; returns how many.

    What goes wrong with the data is left for that worker to find: the result of a run is written in one place.
    """
    context = _helped_context(tenant_id, run_id)
    if context is None:
        return 0
    try:
        frozen = frozen_baselines.get(context.baseline)
        with open_run_window(context, frozen_column_types(frozen)) as window:
            if not isinstance(window, LazyWindow):
                return 0
            plan = plan_of_run(context.monitor, context.baseline, length=None)
            sampled = plan.sampled(frozen.features)
            counting = _Counting(context.run, frozen, window, sampled)
            return _count_free_parts(counting, worker=worker)
    except NoRoom:
        return 0  # the run's own worker counts what is left
    except (SourceError, UnreadableBaseline) as error:
        log.warning("help_ended", error=str(error))
        return 0


def _helped_context(tenant_id: UUID, run_id: UUID) -> RunContext | None:
    """The context of a divided run, with the baseline of its parts; None if no part is free."""
    parts = RunPart.objects.select_related("baseline").defer("baseline__content", "profile")
    with tenant_scope(tenant_id):
        first = parts.filter(run_id=run_id).filter(profile__isnull=True).first()
        if first is None:
            return None
        return replace(load_context(run_id), baseline=first.baseline)


@dataclass(frozen=True, slots=True)
class _Counting:
    """The arguments of counting the parts of a run.

    Attributes:
        sampled: The features of which the profiles hold a sample.
    """

    run: DetectionRun
    frozen: FrozenBaseline
    window: LazyWindow
    sampled: frozenset[str]

    def profile(self, part: LazyWindow) -> Profile:
        """Count a part of the window."""
        if part.is_by_column:
            return self.frozen.profile_columns(part, sampled=self.sampled)
        return self.frozen.profile(part.batches(), sampled=self.sampled)


def _count_free_parts(counting: _Counting, *, worker: str, token: UUID | None = None) -> int:
    counted, ids = 0, {"tenant_id": counting.run.tenant_id, "run_id": counting.run.id}
    while claim := claim_part(**ids, worker=worker, token=token):
        counted += _count_part(claim, counting)
    return counted


def _count_part(claim: PartClaim, counting: _Counting) -> bool:
    try:
        with kept_lease(claim.lease.renew), counting.window.restrict(claim.part) as part:
            profile = counting.profile(part)
    except BaseException:
        claim.lease.release(is_attempt=True)
        raise
    return store_part(claim, profile)
