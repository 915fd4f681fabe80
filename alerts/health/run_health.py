"""Raises and ends health alerts when a run is recorded, in its transaction."""

from alerts.health.conditions import counts, get_newest_check, list_causes, list_lasting_causes
from alerts.health.health_causes import OF_VERDICTS
from alerts.health.health_recording import (
    get_newest_alert,
    has_open_alert,
    record_causes,
    seen_of,
)
from detections.findings import RunFinding
from detections.models import DetectionRun


class HealthListener:
    """A `detections.listeners.RunListener`."""

    def run_recorded(self, run: DetectionRun, finding: RunFinding) -> None:
        """Act on a run, in its transaction; the monitor is locked."""
        run_judged(run, finding)


def run_judged(run: DetectionRun, finding: RunFinding) -> None:
    """Raise an alert for a run that could not judge its window, and end it with the next that could.

    The newest window decides, whichever run ends last. A judged check ends all causes but those that it says
    nothing of: labels that can't be read, and streams that are silent.
    """
    is_judged = finding.verdict not in OF_VERDICTS
    if is_judged and not has_open_alert(run.monitor_id):
        return
    if not counts(run):
        return
    check, seen = get_newest_check(run.monitor), seen_of(get_newest_alert(run.monitor_id))
    if is_judged and check is not None and check.id == run.id:
        causes = list_lasting_causes(run.monitor, seen)
    else:
        causes = list_causes(run.monitor, check, seen)
    record_causes(run.monitor, causes, run=run)
