"""Finds baselines without a contract, and says which of them can be rebuilt.

A baseline of an older version keeps no value types. It judges windows as it did before, until it is
rebuilt from its reference. Without its reference it stays as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.core.exceptions import ValidationError

from drift_detector.tenancy.scope import tenant_scope
from monitors import selectors
from monitors.baselines.builds import request_baseline
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.features import choose_features
from monitors.models import Baseline, Monitor
from monitors.monitor_windows import reference_window
from monitors.sources import (
    SourceError,
    SourceNotFound,
    SourcePolicy,
    describe_window,
    open_window,
)


class Contract(StrEnum):
    """The answer to the question if a baseline keeps the value types of its features."""

    YES = "yes"
    NO = "no"
    UNREADABLE = "unreadable"
    """Its bytes are damaged, or of another version."""


class Reference(StrEnum):
    """The rows that a rebuild would read, compared with those that the baseline was made of."""

    SAME = "same"
    """As many rows as the baseline was made of."""
    CHANGED = "changed"
    GONE = "gone"
    UNREADABLE = "unreadable"
    UNKNOWN = ""
    """Not looked at, because the baseline needs no rebuild."""


@dataclass(frozen=True, slots=True)
class BaselineCheck:
    """A monitor's current baseline, and what a rebuild of it would find.

    Attributes:
        monitor: The monitor.
        version: The version of the baseline.
        contract: Whether it keeps value types.
        reference: What its reference is now.
        reason: Why the reference cannot be read, or how it has changed.
        is_rebuilding: True while a newer version is being built.
    """

    monitor: Monitor
    version: int
    contract: Contract
    reference: Reference = Reference.UNKNOWN
    reason: str = ""
    is_rebuilding: bool = False

    @property
    def needs_rebuild(self) -> bool:
        """True without a contract, unless a newer version is being built."""
        return self.contract != Contract.YES and not self.is_rebuilding

    @property
    def can_be_rebuilt(self) -> bool:
        """True if a rebuild reads the rows that the baseline was made of."""
        return self.needs_rebuild and self.reference == Reference.SAME


@dataclass(frozen=True, slots=True)
class _Found:
    monitor: Monitor
    baseline: Baseline
    is_rebuilding: bool


def check_baselines(tenant_id: UUID) -> Iterator[BaselineCheck]:
    """Check the current baseline of each monitor of a tenant that is not disabled, by name.

    No transaction may be open: references are read over the network.
    """
    with tenant_scope(tenant_id):
        policy = selectors.get_source_policy()
        monitors = Monitor.objects.exclude(status=Monitor.Status.DISABLED).order_by("name")
        found = [each for each in map(_find, monitors) if each is not None]
    for each in found:
        yield _check(each, policy)


def request_rebuild(check: BaselineCheck) -> Baseline:
    """Request the next version of a baseline that was checked."""
    with tenant_scope(check.monitor.tenant_id):
        return request_baseline(monitor=check.monitor)


def _find(monitor: Monitor) -> _Found | None:
    baseline = selectors.get_current_baseline(monitor.id)
    if baseline is None:
        return None
    newer = selectors.list_builds().filter(monitor=monitor, version__gt=baseline.version)
    return _Found(monitor, baseline, newer.exists())


def _check(found: _Found, policy: SourcePolicy) -> BaselineCheck:
    version, is_rebuilding = found.baseline.version, found.is_rebuilding
    contract = _contract_of(found.baseline)
    if contract == Contract.YES:
        return BaselineCheck(found.monitor, version, contract)
    reference, reason = _look_at_reference(found, policy)
    return BaselineCheck(found.monitor, version, contract, reference, reason, is_rebuilding)


def _contract_of(baseline: Baseline) -> Contract:
    try:
        frozen = frozen_baselines.get(baseline)
    except UnreadableBaseline:
        return Contract.UNREADABLE
    has_types = all(feature.value_type is not None for feature in frozen.features.values())
    return Contract.YES if has_types else Contract.NO


def _look_at_reference(found: _Found, policy: SourcePolicy) -> tuple[Reference, str]:
    """The state of a reference, and a sentence about it for the operator."""
    try:
        rows = _count_rows(found.monitor, policy)
    except SourceNotFound as error:
        return Reference.GONE, error.reason
    except SourceError as error:
        return Reference.UNREADABLE, error.reason
    except ValidationError as error:
        return Reference.UNREADABLE, "; ".join(error.messages)
    if rows == 0:
        return Reference.GONE, "The reference has no rows."
    if rows != found.baseline.rows:
        return Reference.CHANGED, f"The reference had {found.baseline.rows} rows and has {rows}."
    return Reference.SAME, ""


def _count_rows(monitor: Monitor, policy: SourcePolicy) -> int:
    """The rows that a rebuild would read; the features must be there as well."""
    description = describe_window(reference_window(monitor, policy))
    kinds = choose_features(
        description,
        monitor.feature_columns,
        monitor.timestamp_column,
        overrides=monitor.feature_kinds,
    )
    columns = [monitor.timestamp_column] if monitor.timestamp_column else list(kinds)[:1]
    with open_window(reference_window(monitor, policy, columns)) as window:
        return window.num_rows
