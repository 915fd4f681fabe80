"""Names the causes of a health alert: how severe each is, and what to do about it.

A sentence names places, times and numbers of rows, and never a value of the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from algorithms.verdicts import Severity, Verdict, rank
from detections.models import DetectionRun
from monitors.models import Baseline, Monitor

NOTHING_THERE = ("There is nothing at", "There is no data file at", "No file matches")
"""How the reasons of `monitors.sources.SourceNotFound` begin."""


class HealthCause(StrEnum):
    """The reasons for which a monitor can't judge."""

    ERROR = "error"
    NO_DATA = "no_data"
    INSUFFICIENT_DATA = "insufficient_data"
    BASELINE_FAILED = "baseline_failed"
    SKIPPED_TICKS = "skipped_ticks"
    SILENT_STREAM = "silent_stream"


SEVERITY: Mapping[HealthCause, Severity] = {
    HealthCause.ERROR: Severity.CRITICAL,
    HealthCause.BASELINE_FAILED: Severity.CRITICAL,
    HealthCause.NO_DATA: Severity.WARNING,
    HealthCause.SKIPPED_TICKS: Severity.WARNING,
    HealthCause.SILENT_STREAM: Severity.WARNING,
    HealthCause.INSUFFICIENT_DATA: Severity.INFO,
}
OF_VERDICTS: Mapping[str, HealthCause] = {
    Verdict.ERROR: HealthCause.ERROR,
    Verdict.NO_DATA: HealthCause.NO_DATA,
    Verdict.INSUFFICIENT_DATA: HealthCause.INSUFFICIENT_DATA,
}
"""The causes that runs end with; the other verdicts have judged their window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong with a monitor now.

    Attributes:
        kind: The sort of cause.
        source: Where it was seen: `check`, `follow_up`, `tick`, `baseline` or `stream:<name>`.
        key: The occasion. The same key of a source is the same occasion, seen again.
        sentence: What is wrong and what to do.
        run: The run that it was seen in.
    """

    kind: HealthCause
    source: str
    key: str
    sentence: str
    run: DetectionRun | None = None

    @property
    def severity(self) -> Severity:
        """The severity of a cause of this kind."""
        return SEVERITY[self.kind]


def worst_first(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, the most severe first."""
    return sorted(causes, key=lambda cause: -rank(cause.severity))


def of_run(run: DetectionRun, monitor: Monitor, *, source: str) -> Cause:
    """The cause that a run ended with which did not judge its window."""
    kind = OF_VERDICTS[run.verdict]
    sentence = _SENTENCES[kind](run, monitor)
    return Cause(kind=kind, source=source, key=str(run.id), sentence=sentence, run=run)


def _error(run: DetectionRun, monitor: Monitor) -> str:
    if run.reason.startswith(NOTHING_THERE):
        return (
            f"No file was found in {monitor.current_data_uri}: check that the job that writes it ran, "
            "then run the monitor again."
        )
    return (
        f"The run over {_span(run)} failed: read its reason at the run, mend the data or the monitor, "
        "then run the monitor again."
    )


def _no_data(run: DetectionRun, monitor: Monitor) -> str:
    return (
        f"No row was found in {monitor.current_data_uri} for {_span(run)}: check that the job that "
        "writes the rows ran, then run the monitor again."
    )


def _insufficient(run: DetectionRun, monitor: Monitor) -> str:
    return (
        f"The rows for {_span(run)} are too few to be judged; at least {monitor.min_rows:,} are needed: "
        "check that they are complete, or choose a longer window."
    )


_SENTENCES = {
    HealthCause.ERROR: _error,
    HealthCause.NO_DATA: _no_data,
    HealthCause.INSUFFICIENT_DATA: _insufficient,
}


def of_baseline(baseline: Baseline) -> Cause:
    """The cause that a baseline could not be built."""
    sentence = (
        f"Version {baseline.version} of the baseline could not be built: read its reason at the monitor, "
        "mend the reference or the monitor, then build a new baseline."
    )
    return Cause(
        kind=HealthCause.BASELINE_FAILED,
        source="baseline",
        key=str(baseline.id),
        sentence=sentence,
    )


def of_tick(tick: DetectionRun) -> Cause:
    """The cause that the newest tick did not become a run."""
    sentence = (
        f"The tick of {_moment(tick.scheduled_for)} was skipped. {tick.reason} "
        "Mend that, or run the monitor by hand."
    )
    return Cause(kind=HealthCause.SKIPPED_TICKS, source="tick", key=str(tick.id), sentence=sentence)


def of_stream(name: str, *, sequence: int, since: datetime | None) -> Cause:
    """The cause that a stream of outcomes went silent."""
    last = f" since {_moment(since)}" if since else ""
    sentence = (
        f"No outcome came in the stream {name!r}{last}, though they came regularly: check the job that "
        "sends them."
    )
    return Cause(
        kind=HealthCause.SILENT_STREAM,
        source=f"stream:{name}",
        key=str(sequence),
        sentence=sentence,
    )


def _span(run: DetectionRun) -> str:
    return f"{run.window_start:%Y-%m-%d %H:%M} to {run.window_end:%Y-%m-%d %H:%M} UTC"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
