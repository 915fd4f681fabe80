"""Purges baselines that a newer version has replaced."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from django.conf import settings

from drift_detector.retention import Sweep, purge

FEW = 10  # a baseline can hold 256 MB
# The next version is ready since the retention began, so no run that uses this version is at work.
BASELINE_IS_OLD = """(
    status IN ('ready', 'failed')
    AND EXISTS (
        SELECT FROM drf_baselines AS newer
        WHERE tenant_id = old.tenant_id AND monitor_id = old.monitor_id
            AND version > old.version AND (built_at < %(before)s OR old.status = 'failed'))
)"""

type InUse = Callable[[Sequence[UUID]], Collection[UUID]]


def sweep_baselines(in_use: InUse) -> Sweep:
    """A sweep over replaced baselines; it keeps those that `in_use` returns."""
    return Sweep("drf_baselines", BASELINE_IS_OLD, most=FEW, in_use=in_use)


def purge_old_baselines(sweep: Sweep, until: float) -> int:
    """Remove replaced baselines past the retention of runs; needs the scheduler's role."""
    return purge(sweep.step, days=settings.ENV.runs.retention_days, until=until)
