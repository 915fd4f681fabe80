"""Shows new errors to a stream's detectors, each from the state it was left in."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.utils import timezone

from algorithms.arrays import FloatArray
from algorithms.concept_drift.averaging import Averaging, Observations
from algorithms.concept_drift.detector import Change, Detector
from algorithms.concept_drift.detector_registry import (
    DETECTORS,
    ConceptMethod,
    detector_from_json,
    new_detector,
)
from detections.models import DetectorState, OutcomeStream
from detections.outcomes.signal_changes import Transition, find_transitions
from drift_detector.tenancy.scope import current_tenant_id
from monitors.evaluation_plans import detector_settings
from monitors.models import Monitor

STATE_FIELDS = [
    "state",
    "error_batch",
    "signal",
    "observations",
    "drifts",
    "last_drift_at",
    "updated_at",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptSignal:
    """A drift that a detector saw.

    Attributes:
        method: The detector.
        sequence: Number of the outcome that made it certain.
        row: Of that outcome in its batch.
        length: Outcomes since the change, that one included.
        before: Error rate before the change.
        after: Error rate of the `length` outcomes.
    """

    method: ConceptMethod
    sequence: int
    row: int
    length: int
    before: float
    after: float

    @property
    def changed_at(self) -> int:
        """Number of the first outcome after the change."""
        return self.sequence - self.length + 1


@dataclass(frozen=True, slots=True)
class Advance:
    """The signals of detectors after the errors of a batch.

    Attributes:
        drifts: In order of the outcomes.
        transitions: All changes of signals, warnings among them.
    """

    drifts: tuple[ConceptSignal, ...] = ()
    transitions: tuple[Transition, ...] = ()


def advance_detectors(stream: OutcomeStream, monitor: Monitor, errors: FloatArray) -> Advance:
    """Show errors, shape (n,), to the monitor's detectors and keep what they learnt; the stream is locked.

    A detector whose settings have been changed begins anew; one that the monitor does not want any more rests.

    Raises:
        UnusableObservation: If a detector can't use an error; nothing is kept then.
    """
    shown = _observe(stream, monitor, errors)
    if not len(shown.values):
        return Advance()
    states = _states(stream, monitor)
    found = [_advance(state, method, stream, monitor, shown) for method, state in states.items()]
    _store(list(states.values()))
    drifts = sorted(chain(*(each.drifts for each in found)), key=lambda drift: drift.sequence)
    return Advance(tuple(drifts), tuple(chain(*(each.transitions for each in found))))


def _states(stream: OutcomeStream, monitor: Monitor) -> dict[ConceptMethod, DetectorState]:
    """The state of each detector that the monitor wants, fresh where the stream has none."""
    known = {state.method: state for state in DetectorState.objects.filter(stream=stream)}
    methods = map(ConceptMethod, monitor.concept_methods)
    return {
        method: known.get(method) or _fresh_state(stream, monitor, method) for method in methods
    }


def _fresh_state(stream: OutcomeStream, monitor: Monitor, method: ConceptMethod) -> DetectorState:
    return DetectorState(
        tenant_id=current_tenant_id(), stream=stream, monitor_id=monitor.id, method=method
    )


def _advance(
    state: DetectorState,
    method: ConceptMethod,
    stream: OutcomeStream,
    monitor: Monitor,
    shown: Observations,
) -> Advance:
    """Show observations to one detector, and note its new state."""
    detector = _resumed(method, monitor, state)
    before = detector.signal
    found = detector.update_many(shown.shown_to(detector))
    _note(state, detector, shown.each, len(found.changes))
    sequence = stream.sequence
    drifts = (_signal(method, detector, sequence, shown, change) for change in found.changes)
    transitions = find_transitions(method, before, len(shown.values), found, shown)
    return Advance(tuple(drifts), tuple(transitions))


def _store(advanced: list[DetectorState]) -> None:
    DetectorState.objects.bulk_create(
        advanced,
        update_conflicts=True,
        unique_fields=["tenant", "stream", "method"],
        update_fields=STATE_FIELDS,
    )


def _observe(stream: OutcomeStream, monitor: Monitor, errors: FloatArray) -> Observations:
    if monitor.error_batch == 1:
        stream.averaging = None
        return Observations(values=errors)
    averaging = Averaging.resumed(monitor.error_batch, stream.averaging)
    shown = averaging.take(errors)
    stream.averaging = averaging.as_json()
    return shown


def _resumed(method: ConceptMethod, monitor: Monitor, state: DetectorState) -> Detector:
    fresh, stored = new_detector(method, detector_settings(monitor, method)), state.state
    if stored is None or state.error_batch != monitor.error_batch:
        return fresh
    return detector_from_json(method, stored) if _has_settings(stored, fresh, method) else fresh


def _has_settings(stored: Mapping[str, Any], fresh: Detector, method: ConceptMethod) -> bool:
    """True if a stored detector has the settings of a fresh one."""
    names = DETECTORS[method].setting_defaults()
    return all(stored.get(name) == getattr(fresh, name) for name in names)


def _note(state: DetectorState, detector: Detector, error_batch: int, drifts: int) -> None:
    state.state, state.signal = detector.as_json(), detector.signal
    state.observations = detector.observations
    state.error_batch, state.updated_at = error_batch, timezone.now()
    if drifts:
        state.drifts += drifts
        state.last_drift_at = state.updated_at


def _signal(
    method: ConceptMethod, detector: Detector, sequence: int, shown: Observations, change: Change
) -> ConceptSignal:
    row = shown.row(change.position)
    return ConceptSignal(
        method=method,
        sequence=sequence + row + 1,
        row=row,
        length=change.length * shown.each,
        before=shown.rate(change.before, detector),
        after=shown.rate(change.after, detector),
    )
