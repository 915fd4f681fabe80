"""Moves the alerts of a monitor when a run is recorded."""

from alerts.episodes.moving import end_if_over, end_if_recovered, raise_alert
from alerts.models import Alert
from algorithms.verdicts import Verdict
from detections.findings import RunFinding
from detections.models import DetectionRun


class AlertListener:
    """A `detections.listeners.RunListener`."""

    def run_recorded(self, run: DetectionRun, finding: RunFinding) -> None:
        """Open, continue or end an episode, in the transaction of the run; the monitor is locked."""
        if finding.change is not None:
            _change_recorded(run, finding)
        elif finding.verdict is Verdict.DRIFT:
            raise_alert(run, finding, Alert.Kind.STATISTICAL)
        elif finding.verdict is Verdict.OK:
            end_if_over(run, finding)


def _change_recorded(run: DetectionRun, finding: RunFinding) -> None:
    """A rise of the error rate that matters raises the concept alert; a fall can end it."""
    change = finding.change
    if change is None or finding.verdict is not Verdict.DRIFT:
        return
    if change.is_rise:
        raise_alert(run, finding, Alert.Kind.CONCEPT)
    else:
        end_if_recovered(run, change)
