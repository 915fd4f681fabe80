"""Records what a run says in the alerts of its monitor, in the transaction of the run.

The state of an episode is a fold over the windows. A run of the newest window advances it by one; any
other is put in its place, and the fold is replayed from there. A late run adds its row and counts, but
it notifies no people, and asks for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.episodes.alert_rows import AlertRows
from alerts.episodes.episode_alerts import Settlement, current_alert, state_of
from alerts.episodes.folding import OPENS_AT_ONCE, EpisodeState, Rules, advance
from alerts.episodes.observations import Observation
from alerts.episodes.phases import Phase
from alerts.episodes.replays import Step, replay
from alerts.episodes.run_answers import Kind, MethodAnswer, kinds_of, observe
from alerts.episodes.standings import Standing, read_standing
from alerts.models import Alert
from alerts.retraining import require_retraining
from algorithms.verdicts import Verdict
from detections.findings import RunFinding
from detections.ledger.runs import is_inline
from detections.models import DetectionRun
from drift_detector.public_pages import page_of_alert

Trigger = DetectionRun.Trigger
OF_THE_PAST = (Trigger.BACKFILL, Trigger.LABELS)


def record_run(run: DetectionRun, finding: RunFinding) -> None:
    """Move the episodes of a run that judged a window; its monitor is locked."""
    if not run.raises_alerts and run.trigger not in OF_THE_PAST:
        return
    standing = read_standing(run)
    if _says_nothing_new(finding, standing):
        return
    answers = [MethodAnswer.of_result(method) for method in finding.methods]
    for kind in kinds_of(run):
        observation = observe(run, kind, answers)
        if observation is not None:
            _Recording(run, finding, kind, observation, standing, answers).record()


def _says_nothing_new(finding: RunFinding, standing: Standing) -> bool:
    """True for a run without drift, of the newest window, of a monitor without an episode: most runs."""
    is_newest = not (standing.newer_check or standing.newer_follow_up)
    return finding.verdict is not Verdict.DRIFT and is_newest and not standing.has_alert


def rules_of(run: DetectionRun, kind: str) -> Rules:
    """The rules of a kind in a run's monitor; only alerts of the data wait for more runs to open."""
    rules = Rules.of_monitor(run.monitor.open_after, run.monitor.resolve_after)
    if kind == Kind.STATISTICAL:
        return rules
    return Rules(opening=OPENS_AT_ONCE, resolve_after=rules.resolve_after)


@dataclass(slots=True)
class _Recording:
    """The changes that one run makes in the episodes of one kind."""

    run: DetectionRun
    finding: RunFinding
    kind: Kind
    observation: Observation
    standing: Standing
    answers: Sequence[MethodAnswer]

    def record(self) -> None:
        """Write the rows, the alert and its events."""
        alert = current_alert(self.run, self.kind) if self.standing.has_alert else None
        if self._is_newest(alert):
            self._advance(alert)
        elif not self._is_ignored(alert):
            self._replay(alert)

    def _is_newest(self, alert: Alert | None) -> bool:
        """True if no newer window counts; a manual run that may raise an alert is about now."""
        if self.run.trigger == Trigger.MANUAL and alert is None:
            return True
        return self.standing.is_newest(self.kind, self.observation.place)

    def _is_ignored(self, alert: Alert | None) -> bool:
        """True for a look at the past that was asked for, while an episode of the present goes on."""
        if alert is None or alert.is_history:
            return False
        if self.run.trigger == Trigger.MANUAL:
            return True
        return self.run.trigger == Trigger.BACKFILL and not _is_of_a_backfill(alert)

    def _advance(self, alert: Alert | None) -> None:
        if self._is_what_if(alert):
            return
        before = state_of(alert, self.kind)
        after = advance(before, self.observation, self._rules())
        if before.is_idle and after.is_idle:
            return
        step = Step(observation=self.observation, before=before, after=after)
        rows = AlertRows(run=self.run, anchor_id=alert.id if alert else None)
        self._settle(alert, rows, [step], after)

    def _is_what_if(self, alert: Alert | None) -> bool:
        """True for rows that came with a request and are ok: they say nothing about the monitor's data."""
        if self.run.trigger != Trigger.MANUAL or self.observation.is_drift:
            return False
        return alert is not None and is_inline(self.run)

    def _replay(self, alert: Alert | None) -> None:
        run, place = self.run, self.observation.place
        is_history = not run.raises_alerts
        replayed = replay(run, self.kind, self.observation, self._rules(), is_history=is_history)
        rows = AlertRows(
            run=run,
            anchor_id=replayed.anchor.alert_id if replayed.anchor else None,
            stored=replayed.rows,
            is_late=self.standing.is_late(place),
        )
        stored = state_of(alert, self.kind)
        final = stored if replayed.is_settled else replayed.steps[-1].after
        self._settle(alert, rows, replayed.steps, final, is_settled=replayed.is_settled)

    def _settle(
        self,
        alert: Alert | None,
        rows: AlertRows,
        steps: Sequence[Step],
        final: EpisodeState,
        *,
        is_settled: bool = False,
    ) -> None:
        """Give each step its alert and its row, move the alert of the present, ask for retraining."""
        settlement = Settlement(
            run=self.run,
            kind=self.kind,
            finding=self.finding,
            answers=self.answers,
            observation=self.observation,
            alert=alert,
            rows=rows,
            steps=steps,
            final=final,
            is_settled=is_settled,
        )
        alert = settlement.settle()
        is_open = final.phase == Phase.OPEN and self.observation.is_drift
        if alert is None or settlement.is_silent or not is_open:
            return
        if self.finding.calls_for_retraining:
            summary = self.finding.summary | page_of_alert(alert.id)
            require_retraining(run=self.run, alert=alert, summary=summary)

    def _rules(self) -> Rules:
        return rules_of(self.run, self.kind)


def _is_of_a_backfill(alert: Alert) -> bool:
    first = alert.first_run
    return first is not None and first.trigger == Trigger.BACKFILL
