"""Keeps the parts of a large window: the run's worker writes them, and each is counted by the worker that claims it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import Profile
from detections.ledger.runs import Claim, LeaseLost, is_held
from detections.models import DetectionRun, RunPart
from drift_detector.lease import Lease, claim_row
from drift_detector.tenancy.scope import tenant_scope
from monitors.sources import Part


@dataclass(frozen=True, slots=True)
class PartClaim:
    """A worker's right to count a part, as long as its lease stands."""

    lease: Lease
    part: Part


def write_parts(claim: Claim, *, baseline_id: UUID, parts: Sequence[Part]) -> None:
    """Write down how a run's window is divided; what an earlier attempt has counted of the same parts is kept.

    Raises:
        LeaseLost: If the run is no longer ours.
    """
    specs = [part.as_json() for part in parts]
    with tenant_scope(claim.tenant_id):
        if not is_held(claim):
            raise LeaseLost
        written = RunPart.objects.filter(run_id=claim.run_id)
        if list(written.filter(baseline_id=baseline_id).values_list("spec", flat=True)) == specs:
            return
        written.delete()
        RunPart.objects.bulk_create(_new_parts(claim, baseline_id, specs))


def _new_parts(claim: Claim, baseline_id: UUID, specs: Sequence[Any]) -> Iterator[RunPart]:
    for position, spec in enumerate(specs):
        yield RunPart(
            tenant_id=claim.tenant_id,
            run_id=claim.run_id,
            baseline_id=baseline_id,
            position=position,
            spec=spec,
        )


def claim_part(
    *, tenant_id: UUID, run_id: UUID, worker: str, token: UUID | None = None
) -> PartClaim | None:
    """Claim the first free part of a run whose own lease stands; None when there is none.

    Args:
        tenant_id: The tenant of the run.
        run_id: The run.
        worker: The name of the worker.
        token: The token of the run, for its own worker, which takes no further slot.

    Raises:
        NoRoom: If a worker that helps finds as much of the tenant at work as may be.
    """
    with tenant_scope(tenant_id):
        part = _lock_free_part(run_id)
        if part is None:
            return None
        lease = claim_row(
            RunPart.objects.all(), part.id, tenant_id=tenant_id, worker=worker, token=token
        )
        return PartClaim(lease, Part.from_json(part.spec)) if lease else None


def _lock_free_part(run_id: UUID) -> RunPart | None:
    now = timezone.now()
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=now)
    at_work = {"run__status": DetectionRun.Status.RUNNING, "run__lease_expires_at__gt": now}
    parts = RunPart.objects.filter(free, run_id=run_id, profile__isnull=True, **at_work)
    unlocked = parts.select_for_update(skip_locked=True, of=("self",))
    return unlocked.only("id", "spec").first()


def store_part(claim: PartClaim, profile: Profile) -> bool:
    """Write the profile of a part; False when the part is no longer ours."""
    return claim.lease.finish(profile=profile_to_bytes(profile), rows=profile.rows)


def count_unfinished(claim: Claim) -> int:
    """The number of parts of the run that are not counted yet.

    Raises:
        LeaseLost: If the run is no longer ours; its parts may be gone then.
    """
    with tenant_scope(claim.tenant_id):
        if not is_held(claim):
            raise LeaseLost
        return RunPart.objects.filter(run_id=claim.run_id, profile__isnull=True).count()


def read_profiles(claim: Claim) -> Iterator[Profile]:
    """The profiles of the parts, one at a time, in the order of the window."""
    with tenant_scope(claim.tenant_id):
        ids = list(RunPart.objects.filter(run_id=claim.run_id).values_list("id", flat=True))
    for part_id in ids:
        yield _read_profile(claim.tenant_id, part_id)


def _read_profile(tenant_id: UUID, part_id: UUID) -> Profile:
    with tenant_scope(tenant_id):
        content = RunPart.objects.values_list("profile", flat=True).get(id=part_id)
    return profile_from_bytes(bytes(content or b""))
