"""Gives the steps of a fold their alerts: opens, moves, corrects and resolves them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from alerts.episodes.alert_rows import AlertRows
from alerts.episodes.announcements import announce
from alerts.episodes.causes import cause_of
from alerts.episodes.data_bugs import keep_bad_window
from alerts.episodes.events import Circumstances, correct, insert_past, move, remark
from alerts.episodes.folding import IDLE, EpisodeState
from alerts.episodes.kept_runs import ends_of, keep_runs
from alerts.episodes.observations import METRIC_METHODS, DriftEntry, Observation
from alerts.episodes.phases import Move, Phase
from alerts.episodes.replays import Step
from alerts.episodes.run_answers import Kind, MethodAnswer
from alerts.episodes.standings import going_on
from alerts.episodes.summaries import reason_of, sentence_of
from alerts.episodes.transitions import NOTIFYING, moves_between
from alerts.models import Alert, AlertEvent
from algorithms.verdicts import rank
from detections.findings import RunFinding
from detections.models import DetectionRun


def current_alert(run: DetectionRun, kind: str) -> Alert | None:
    """The alert of a run's kind whose episode goes on, of the present or of the past, locked.

    Without the lock, an acknowledgement at the same time would be overwritten.
    """
    alerts = going_on(is_history=not run.raises_alerts).filter(kind=kind, slice_key="")
    return alerts.filter(monitor_id=run.monitor_id).select_for_update().first()


def state_of(alert: Alert | None, kind: str) -> EpisodeState:
    """The state of an alert's episode; one from before states were kept has it in its fields."""
    if alert is None:
        return IDLE
    if alert.state:
        return EpisodeState.of_json(alert.state)
    assert alert.window_end is not None
    entries = [DriftEntry.of_record(each, alert.window_end) for each in alert.drifted_features]
    is_metric = kind == Kind.PERFORMANCE
    ours = [entry for entry in entries if (entry.method in METRIC_METHODS) is is_metric]
    return EpisodeState(phase=alert.phase, severity=alert.severity, entries=tuple(ours))


@dataclass(slots=True)
class _Episode:
    """Consecutive steps of one episode."""

    steps: list[Step] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        return not self.steps[-1].after.is_idle

    @property
    def state(self) -> EpisodeState:
        """The last state before the episode ended."""
        last = self.steps[-1]
        return last.after if self.goes_on else last.before

    @property
    def was_open(self) -> bool:
        return any(step.after.phase in (Phase.OPEN, Phase.RECOVERING) for step in self.steps)

    @property
    def drifted(self) -> list[Observation]:
        return [step.observation for step in self.steps if step.observation.is_drift]


def _episodes(steps: Sequence[Step]) -> Iterator[_Episode]:
    """The steps by episode, without those of runs that are ok while there is none."""
    current = _Episode()
    for step in steps:
        if step.before.is_idle and not step.is_part:
            continue
        current.steps.append(step)
        if step.after.is_idle:
            yield current
            current = _Episode()
    if current.steps:
        yield current


@dataclass(slots=True, kw_only=True)
class Settlement:
    """The changes that a fold makes in the alerts of one kind.

    Attributes:
        run: The run that has just ended.
        kind: The kind of the episode.
        finding: The run's result.
        answers: The answers of its methods.
        observation: What it says to this kind.
        alert: The alert of the episode that goes on before the run; locked.
        rows: The rows of the fold's runs.
        steps: The fold, from the run on.
        final: The state after the newest window.
        is_settled: The steps after the last one stay as they are stored.
    """

    run: DetectionRun
    kind: Kind
    finding: RunFinding
    answers: Sequence[MethodAnswer]
    observation: Observation
    alert: Alert | None
    rows: AlertRows
    steps: Sequence[Step]
    final: EpisodeState
    is_settled: bool = False
    owners: list[tuple[Step, Alert]] = field(default_factory=list)

    @property
    def is_history(self) -> bool:
        """True if the run is about the past, and people are not notified."""
        return not self.run.raises_alerts

    @property
    def is_silent(self) -> bool:
        """True if people are not notified of what the run changes."""
        return self.is_history or self.rows.is_late

    def settle(self) -> Alert | None:
        """Write alerts, rows and events; returns the alert of the episode that goes on, or just ended."""
        before = ends_of(self.alert) if self.alert is not None else set()
        episodes = list(_episodes(self.steps))
        for episode in episodes:
            self._own(episode, is_last=episode is episodes[-1])
        if self.alert is not None:
            self._move(self.alert)
        self._write_rows()
        if self.alert is not None:
            self.alert.save()
            keep_bad_window(self.alert)
            keep_runs(self.alert, before)
        return self.alert

    def _own(self, episode: _Episode, *, is_last: bool) -> None:
        """Find or make the alert of an episode, and add the runs that it does not have yet."""
        is_present = is_last and episode.goes_on and not self.is_settled
        is_present = is_present and not self._is_resolved_by_a_person(episode)
        if is_present and self.alert is None:
            self.alert = self._new_alert(episode)
            self._join(self.alert, episode.steps)
        elif is_present and self.alert is not None:
            self._join(self.alert, self._without_row(episode))
        else:
            self._own_past(episode)

    def _is_resolved_by_a_person(self, episode: _Episode) -> bool:
        """True if the fold would go on, but a person has resolved the alert: then it stays so."""
        if self.alert is not None or self.is_history or not self.rows.is_late:
            return False
        owner = self._owner_of(episode)
        return owner is not None and owner.phase == Phase.RESOLVED and bool(owner.state)

    def _own_past(self, episode: _Episode) -> None:
        owner = self._owner_of(episode)
        if owner is None:
            owner = self._new_alert(episode)
            self._join(owner, episode.steps)
            self._store_past(owner, episode)
            return
        before = ends_of(owner)
        self._join(owner, self._without_row(episode))
        if owner is not self.alert:
            owner.save()
            keep_bad_window(owner)
            keep_runs(owner, before)

    def _owner_of(self, episode: _Episode) -> Alert | None:
        """The alert that some run of an episode belongs to already."""
        owner_id = self._anchor_id(episode) or self.rows.owner_of(episode.steps)
        if owner_id is None and episode.goes_on:
            owner_id = self.rows.owner_after(episode.steps[-1])
        if self.alert is not None and owner_id == self.alert.id:
            return self.alert
        if owner_id is None:
            return self.alert if episode.goes_on else None
        return Alert.objects.select_for_update().get(id=owner_id)

    def _anchor_id(self, episode: _Episode) -> UUID | None:
        """The alert of the row before the fold, if the episode had begun by then."""
        return None if episode.steps[0].before.is_idle else self.rows.anchor_id

    def _without_row(self, episode: _Episode) -> list[Step]:
        return [step for step in episode.steps if self.rows.is_new(step)]

    def _new_alert(self, episode: _Episode) -> Alert:
        """An alert of an episode, not stored yet."""
        observation = episode.drifted[0] if episode.drifted else self.observation
        run_id = UUID(observation.run_id)
        alert = Alert(
            tenant_id=self.run.tenant_id,
            monitor=self.run.monitor,
            kind=self.kind,
            is_history=self.is_history,
            first_run_id=run_id,
            last_run_id=run_id,
            occurrences=0,
            severity=episode.state.severity,
            peak_severity=episode.state.severity,
            window_start=observation.place.window_start,
            window_end=observation.place.window_end,
        )
        self._describe(alert, episode.state)
        return alert

    def _join(self, alert: Alert, steps: Sequence[Step]) -> None:
        """Add runs to an alert; their rows are written once it is stored."""
        self.owners += [(step, alert) for step in steps]
        for step in steps:
            if step.observation.is_drift:
                _add_occurrence(alert, step.observation)

    def _store_past(self, alert: Alert, episode: _Episode) -> None:
        """Store the alert of an episode that was over before the run ended; people are not notified."""
        alert.state = episode.state.as_json() if episode.goes_on else {}
        self._insert_past(alert, was_open=episode.was_open)
        keep_runs(alert, ())

    def _insert_past(self, alert: Alert, *, was_open: bool) -> None:
        moves = _past_moves(was_open=was_open)
        insert_past(alert, [(each, self._circumstances(each, alert)) for each in moves])

    def _move(self, alert: Alert) -> None:
        """Move the alert of the episode that went on or begins, to the state after the newest window."""
        if not self.final.is_idle:
            self._describe(alert, self.final)
        alert.state = {} if self.final.is_idle else self.final.as_json()
        if self.is_history:
            self._move_past(alert)
        elif self.rows.is_late and not alert._state.adding:
            self._correct(alert)
        else:
            self._move_present(alert)

    def _move_past(self, alert: Alert) -> None:
        is_open = self.final.phase in (Phase.OPEN, Phase.RECOVERING)
        if alert._state.adding:
            self._insert_past(alert, was_open=is_open)
        elif is_open and alert.opened_at is None:
            alert.opened_at = alert.resolved_at

    def _correct(self, alert: Alert) -> None:
        phase = Phase.RESOLVED if self.final.is_idle else Phase(self.final.phase)
        reason = "A run of an older window ended late; the newest window was judged anew."
        correct(alert, phase, Circumstances(run=self.run, reason=reason))

    def _move_present(self, alert: Alert) -> None:
        is_new = alert._state.adding
        if is_new:
            alert.previous = last_alert(alert)
        phase = "" if is_new else alert.phase
        for each in moves_between(phase, self.final, alert.announced_severity):
            event = move(alert, each, self._circumstances(each, alert))
            if event.notifies:
                announce(alert, event, run=self.run, finding=self.finding)

    def _circumstances(self, each: Move, alert: Alert) -> Circumstances:
        is_known = each is not Move.RESOLVED or bool(alert.announced_severity)
        notifies = each in NOTIFYING and is_known and not self.is_silent
        return Circumstances(
            run=self.run, reason=reason_of(each, alert, self.observation), notifies=notifies
        )

    def _describe(self, alert: Alert, state: EpisodeState) -> None:
        """Let an alert say what has drifted, in the newest drifted window."""
        alert.severity = state.severity
        if not self.rows.is_late and self.observation.is_drift:
            alert.cause = cause_of(self.answers, self.kind)
        records = [dict(entry.record) for entry in state.entries]
        if records != alert.drifted_features or not alert.summary:
            alert.drifted_features = records
            alert.summary = sentence_of(self.run.monitor.name, records, alert.cause)

    def _write_rows(self) -> None:
        """Write the rows of the fold, and remove those of runs that belong to no episode any more."""
        owners = {step.observation.run_id: alert for step, alert in self.owners}
        for step in self.steps:
            if not step.is_part:
                self.rows.remove(step)
            else:
                self.rows.write(step, owners.get(step.observation.run_id))
        if self.rows.is_late:
            self._remark_late(owners.get(self.observation.run_id))

    def _remark_late(self, alert: Alert | None) -> None:
        if alert is not None:
            reason = f"A run of an older window ended late: {self.observation.verdict}."
            remark(alert, AlertEvent.Kind.LATE_RUN, Circumstances(run=self.run, reason=reason))


def _past_moves(*, was_open: bool) -> tuple[Move, Move]:
    return (Move.OPENED, Move.RESOLVED) if was_open else (Move.PENDING, Move.FADED)


def last_alert(alert: Alert) -> Alert | None:
    """The last alert of the same monitor, kind and slice that people could see."""
    same = Alert.objects.filter(
        monitor_id=alert.monitor_id, kind=alert.kind, slice_key=alert.slice_key, is_history=False
    )
    return same.filter(opened_at__isnull=False).order_by("-created_at", "-id").first()


def _add_occurrence(alert: Alert, observation: Observation) -> None:
    """Add a drifted run: it counts, and the alert's windows reach over its own."""
    place, run_id = observation.place, UUID(observation.run_id)
    assert alert.window_start is not None
    assert alert.window_end is not None
    alert.occurrences += 1
    if rank(observation.severity) > rank(alert.peak_severity):
        alert.peak_severity = observation.severity
    if place.window_start < alert.window_start:
        alert.window_start, alert.first_run_id = place.window_start, run_id
    if place.window_end > alert.window_end:
        alert.window_end, alert.last_run_id = place.window_end, run_id
