"""Folds the observations of a kind, in the order of their windows, into the state of its episode.

Everything here is pure, so that the service and the simulation of a year share it. The same observations
end with the same state, whenever each of them came: the fold goes by windows, not by arrival.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from alerts.episodes.observations import MEASURED, DriftEntry, Observation
from alerts.episodes.phases import NO_PHASE, Phase
from algorithms.run_evidence import combined_p_value
from algorithms.verdicts import Severity, rank

MOST_IN_A_ROW = 50
"""Drifts in a row whose p-values a pending episode keeps; fewer give a level of 1e-9, if each has the p-value 0.03."""

ROUNDING = 1e-9
"""Shares of ok runs that add up to a whole number can miss it by less."""


@dataclass(frozen=True, slots=True)
class RunsOf:
    """A number of drifted runs, and of how many of the last runs."""

    runs: int
    of: int


AT_ONCE = RunsOf(1, 1)
DEFAULT_OPENING: Mapping[str, RunsOf] = {
    Severity.WARNING: RunsOf(2, 3),
    Severity.CRITICAL: AT_ONCE,
}
OPENS_AT_ONCE: Mapping[str, RunsOf] = {Severity.WARNING: AT_ONCE, Severity.CRITICAL: AT_ONCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one kind in one monitor.

    Attributes:
        opening: The drifted runs that open an episode, by severity; `info` is opened as `warning` is.
        resolve_after: The runs in a row that must show that the drift is over; see `Observation.weight_for`.
    """

    opening: Mapping[str, RunsOf] = field(default_factory=lambda: DEFAULT_OPENING)
    resolve_after: int = 2

    @classmethod
    def of_monitor(cls, open_after: Mapping[str, Any] | None, resolve_after: int) -> Self:
        """The rules that a monitor's fields give; what `open_after` does not name has its default."""
        given = {name: RunsOf(**numbers) for name, numbers in (open_after or {}).items()}
        return cls(opening={**DEFAULT_OPENING, **given}, resolve_after=resolve_after)

    @property
    def memory(self) -> int:
        """The number of runs that a pending episode goes back."""
        return max(rule.of for rule in self.opening.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeState:
    """The state of an episode after an observation; all that the next one needs.

    Attributes:
        phase: Empty if there is no episode.
        severity: The severity of the newest drifted window.
        entries: What drifted and is not replaced; what is over counts its ok runs.
        recent: The severities of the last runs, empty for those that don't count, while it is pending.
        p_values: Those of the last drifted runs in a row whose windows don't overlap, while it is pending.
        row_end: The end of the last of these windows; None without one.
        by_evidence: True if a budget's level was held against the last drifted run; then ok runs count by their power.
    """

    phase: str = NO_PHASE
    severity: str = ""
    entries: tuple[DriftEntry, ...] = ()
    recent: tuple[str, ...] = ()
    p_values: tuple[float, ...] = ()
    row_end: datetime | None = None
    by_evidence: bool = False

    @property
    def is_idle(self) -> bool:
        """True if there is no episode."""
        return self.phase == NO_PHASE

    def as_json(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "phase": str(self.phase),
            "severity": str(self.severity),
            "entries": [entry.as_json() for entry in self.entries],
            "recent": list(self.recent),
            "p_values": list(self.p_values),
            "row_end": self.row_end and self.row_end.isoformat(),
            "by_evidence": self.by_evidence,
        }

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The state that `as_json` gave."""
        return cls(
            phase=values["phase"],
            severity=values["severity"],
            entries=tuple(map(DriftEntry.of_json, values["entries"])),
            recent=tuple(values["recent"]),
            p_values=tuple(values.get("p_values", ())),
            row_end=_moment(values.get("row_end")),
            by_evidence=values.get("by_evidence", False),
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


IDLE = EpisodeState()


def opens(recent: Sequence[str], rules: Rules) -> bool:
    """True if a pending episode opens: the one rule to replace, if another budget of alerts is wanted.

    Args:
        recent: The severities of the last runs, oldest first; empty for those that are ok.
        rules: The rules of the kind.
    """
    return any(_is_reached(recent, severity, rule) for severity, rule in rules.opening.items())


def _is_reached(recent: Sequence[str], severity: str, rule: RunsOf) -> bool:
    """True if enough of the last runs are as severe; `info` counts as a warning."""
    least = rank(Severity.INFO) if severity == Severity.WARNING else rank(severity)
    return sum(rank(each) >= least for each in recent[-rule.of :]) >= rule.runs


def advance(state: EpisodeState, observation: Observation, rules: Rules) -> EpisodeState:
    """The state after one more observation, whose window is not older than those before."""
    if observation.is_drift:
        return _drifted(state, observation, rules)
    if state.is_idle:
        return state
    counted = tuple(_after_ok(state, entry, observation) for entry in state.entries)
    if state.phase == Phase.PENDING:
        return _still_pending(replace(state, entries=counted), rules)
    return _recovered(replace(state, entries=counted), rules)


def _drifted(state: EpisodeState, observation: Observation, rules: Rules) -> EpisodeState:
    row = _row_with(state, observation)
    counted = observation.severity if counts(observation, row.p_values) else ""
    recent = (*state.recent, counted)[-rules.memory :]
    is_open = state.phase in (Phase.OPEN, Phase.RECOVERING) or opens(recent, rules)
    return EpisodeState(
        phase=Phase.OPEN if is_open else Phase.PENDING,
        severity=observation.severity,
        entries=merge_entries(state.entries, observation),
        recent=() if is_open else recent,
        p_values=() if is_open else row.p_values,
        row_end=None if is_open else row.row_end,
        by_evidence=observation.evidence is not None,
    )


def _row_with(state: EpisodeState, observation: Observation) -> EpisodeState:
    """The state with a drifted run in its row; a window that overlaps the row tells the same rows again.

    The oldest of very many are left out, which is less evidence.
    """
    evidence, place = observation.evidence, observation.place
    if evidence is None or (state.row_end and place.window_start < state.row_end):
        return state
    p_values = (*state.p_values, evidence.p_value)[-MOST_IN_A_ROW:]
    return replace(state, p_values=p_values, row_end=place.window_end)


def counts(observation: Observation, p_values: Sequence[float]) -> bool:
    """True if a drifted run counts towards opening: no budget holds it back, or it or the row is beyond its level.

    Args:
        observation: A drifted run.
        p_values: Of the drifted runs in a row up to it, the oldest first.
    """
    evidence = observation.evidence
    if evidence is None or evidence.is_beyond_level:
        return True
    return combined_p_value(p_values) <= evidence.level


def _after_ok(state: EpisodeState, entry: DriftEntry, observation: Observation) -> DriftEntry:
    if not observation.ends(entry):
        return entry
    return entry.counted(observation.weight_for(entry) if state.by_evidence else 1.0)


def _still_pending(state: EpisodeState, rules: Rules) -> EpisodeState:
    """A pending episode fades once no drifted run counts any more."""
    recent = (*state.recent, "")[-rules.memory :]
    counting = recent[1:] if len(recent) == rules.memory else recent
    return replace(state, recent=recent, p_values=(), row_end=None) if any(counting) else IDLE


def _recovered(state: EpisodeState, rules: Rules) -> EpisodeState:
    fewest = min((entry.oks for entry in state.entries), default=rules.resolve_after)
    if fewest >= rules.resolve_after - ROUNDING:
        return IDLE
    return replace(state, phase=Phase.RECOVERING if fewest else state.phase)


def merge_entries(old: Sequence[DriftEntry], observation: Observation) -> tuple[DriftEntry, ...]:
    """The entries after a drifted run.

    A check replaces them, except metrics that it could not measure. A follow-up replaces the metrics
    that it measured.
    """
    new = observation.entries
    if observation.is_follow_up:
        kept = [entry for entry in old if not observation.judges(entry)]
        names = {entry.names for entry in kept}
        return (*(entry for entry in new if entry.names not in names), *kept)
    return (*new, *(entry for entry in old if _is_unmeasured(entry, observation)))


def _is_unmeasured(entry: DriftEntry, observation: Observation) -> bool:
    """True for a measured metric that still has a limit and that a check could not judge."""
    is_limited = entry.method == MEASURED and entry.feature in observation.limited
    return is_limited and not observation.judges(entry)
