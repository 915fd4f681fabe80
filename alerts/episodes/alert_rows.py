"""Writes the rows that say which runs belong to an alert."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F

from alerts.episodes.replays import Step
from alerts.models import Alert, AlertRun
from algorithms.verdicts import Verdict
from detections.models import DetectionRun


@dataclass(slots=True, kw_only=True)
class AlertRows:
    """The rows of the runs of a fold.

    Attributes:
        run: The run that has just ended.
        anchor_id: The alert of the row before the fold.
        stored: The rows that later runs have, by the run.
        is_late: A newer window had been judged when the run ended.
    """

    run: DetectionRun
    anchor_id: UUID | None
    stored: Mapping[str, AlertRun] = field(default_factory=dict)
    is_late: bool = False

    def owner_of(self, steps: Iterable[Step]) -> UUID | None:
        """The alert that the first of these steps with a row belongs to."""
        rows = (self.stored.get(step.observation.run_id) for step in steps)
        return next((row.alert_id for row in rows if row is not None), None)

    def owner_after(self, step: Step) -> UUID | None:
        """The alert of the first row after a step."""
        place = step.observation.place
        later = (row for row in self.stored.values() if _place(row) > place)
        return next((row.alert_id for row in later), None)

    def is_new(self, step: Step) -> bool:
        """True if the run of a step has no row yet."""
        return step.observation.run_id not in self.stored

    def write(self, step: Step, alert: Alert | None) -> None:
        """Write the row of a step, or what has changed of it.

        Args:
            step: A step whose run belongs to an episode.
            alert: The alert that the run joins, which is stored; None if it stays where it is.
        """
        row = self.stored.get(step.observation.run_id)
        if row is not None:
            self._update(row, step, alert)
        elif alert is not None:
            self._insert(step, alert)

    def _update(self, row: AlertRun, step: Step, alert: Alert | None) -> None:
        if alert is not None and alert.id != row.alert_id:
            self._leave(row)
            row.alert_id = alert.id
        row.state_after = step.after.as_json()
        row.observation = step.observation.as_json()
        row.save(update_fields=["alert", "state_after", "observation"])

    def _leave(self, row: AlertRun) -> None:
        if row.verdict == Verdict.DRIFT:
            left = Alert.objects.filter(id=row.alert_id)
            left.update(occurrences=F("occurrences") - 1)

    def remove(self, step: Step) -> None:
        """Remove the row of a run that belongs to no episode any more."""
        row = self.stored.get(step.observation.run_id)
        if row is not None:
            row.delete()

    def _insert(self, step: Step, alert: Alert) -> None:
        observation = step.observation
        end, start, track = observation.place
        AlertRun.objects.create(
            tenant_id=alert.tenant_id,
            alert=alert,
            run_id=UUID(observation.run_id),
            track=track,
            window_start=start,
            window_end=end,
            verdict=observation.verdict,
            severity=observation.severity,
            is_late=self.is_late and observation.run_id == str(self.run.id),
            observation=observation.as_json(),
            state_after=step.after.as_json(),
        )


def _place(row: AlertRun) -> tuple[object, ...]:
    return row.window_end, row.window_start, row.track
