"""Reads in one statement how a monitor's episodes stand when a run ends."""

from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from alerts.episodes.observations import Place, Track
from alerts.episodes.phases import Phase
from alerts.episodes.run_answers import Kind, place_of
from alerts.models import Alert
from algorithms.verdicts import Verdict
from detections.models import DetectionRun
from monitors.models import Monitor

Trigger = DetectionRun.Trigger
GOING_ON = (Phase.PENDING, Phase.OPEN, Phase.RECOVERING)
OF_WINDOWS = (Kind.STATISTICAL, Kind.PERFORMANCE)
JUDGED = (Verdict.OK, Verdict.DRIFT, Verdict.UNSUPPORTED)


class Standing(NamedTuple):
    """The episodes and the newer runs of a run's monitor.

    Attributes:
        has_alert: One of the episodes that the run could belong to goes on.
        newer_check: A check of a newer window has ended.
        newer_follow_up: A follow-up of a newer window has ended, or the one of a check's own window.
    """

    has_alert: bool
    newer_check: bool
    newer_follow_up: bool

    def is_late(self, place: Place) -> bool:
        """True if a newer window of the same track has been judged."""
        return self.newer_check if place.track == Track.CHECK else self.newer_follow_up

    def is_newest(self, kind: str, place: Place) -> bool:
        """True if no observation of the kind has a later place."""
        if kind == Kind.STATISTICAL:
            return not self.newer_check
        return not (self.newer_check or self.newer_follow_up)


def read_standing(run: DetectionRun) -> Standing:
    """The standing of a run; for one that raises no alerts, among the episodes of the past."""
    place, judged = place_of(run), judged_runs(is_history=not run.raises_alerts)
    of_monitor = judged.filter(monitor_id=OuterRef("pk"))
    monitors = Monitor.objects.filter(id=run.monitor_id).annotate(
        has_alert=Exists(
            going_on(is_history=not run.raises_alerts).filter(monitor_id=OuterRef("pk"))
        ),
        newer_check=Exists(_newer(of_monitor, place, Track.CHECK)),
        newer_follow_up=Exists(_newer(of_monitor, place, Track.FOLLOW_UP)),
    )
    return Standing(*monitors.values_list("has_alert", "newer_check", "newer_follow_up").get())


def going_on(*, is_history: bool) -> QuerySet[Alert]:
    """The episodes of windows that go on; those of the past are resolved on the wire from the start."""
    alerts = Alert.objects.filter(kind__in=OF_WINDOWS, is_history=is_history)
    if is_history:
        return alerts.filter(state__phase__in=GOING_ON)
    return alerts.filter(phase__in=GOING_ON)


def judged_runs(*, is_history: bool) -> QuerySet[DetectionRun]:
    """The runs that judged a window and whose order matters to episodes, of the present or of the past."""
    triggers = [Trigger.BACKFILL, Trigger.LABELS]
    if not is_history:
        triggers += [Trigger.SCHEDULE, Trigger.MANUAL]
    runs = DetectionRun.objects.filter(verdict__in=JUDGED, raises_alerts=not is_history)
    return runs.filter(trigger__in=triggers)


def _newer(runs: QuerySet[DetectionRun], place: Place, track: Track) -> QuerySet[DetectionRun]:
    is_follow_up = Q(trigger=Trigger.LABELS)
    of_track = runs.filter(is_follow_up if track is Track.FOLLOW_UP else ~is_follow_up)
    newer = Q(window_start__gt=place.window_start)
    if track > place.track:
        newer |= Q(window_start=place.window_start)
    # The first condition alone is the one that an index can answer.
    at_least = Q(window_end__gte=place.window_end)
    return of_track.filter(at_least, Q(window_end__gt=place.window_end) | newer)


def after(place: Place) -> Q:
    """The rows of a table with the columns of a place that come after it."""
    end, start, track = place
    later = Q(window_end=end, window_start__gt=start)
    last = Q(window_end=end, window_start=start, track__gt=track)
    return Q(window_end__gte=end) & (Q(window_end__gt=end) | later | last)


def before(place: Place) -> Q:
    """The rows of a table with the columns of a place that come before it."""
    end, start, track = place
    earlier = Q(window_end=end, window_start__lt=start)
    first = Q(window_end=end, window_start=start, track__lt=track)
    return Q(window_end__lte=end) & (Q(window_end__lt=end) | earlier | first)


IN_ORDER = (F("window_end").asc(), F("window_start").asc(), F("track").asc())
