"""Moves the alerts of a monitor when a run is recorded."""

from alerts.episodes.concept_alerts import record_change
from alerts.episodes.episode_recording import record_run
from alerts.episodes.standings import JUDGED
from detections.findings import RunFinding
from detections.models import DetectionRun


class AlertListener:
    """A `detections.listeners.RunListener`."""

    def run_recorded(self, run: DetectionRun, finding: RunFinding) -> None:
        """Open, continue or end an episode, in the transaction of the run; the monitor is locked."""
        if finding.change is not None:
            record_change(run, finding)
        elif finding.verdict in JUDGED:
            record_run(run, finding)
