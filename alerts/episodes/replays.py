"""Replays the observations of a kind from a late one on.

A run that ends late changes what the runs of newer windows said together: two drifted runs of three
may have become three. So the fold goes on from the state before the late run, over the rows of the
episode and over the runs that had no row because there was no episode.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

import structlog
from django.db.models import QuerySet

from alerts.episodes.folding import IDLE, EpisodeState, Rules, advance
from alerts.episodes.observations import Observation, Place
from alerts.episodes.run_answers import MethodAnswer, kinds_of, observe, place_of
from alerts.episodes.standings import IN_ORDER, after, before, judged_runs
from alerts.models import AlertRun
from detections.models import Detection, DetectionRun
from monitors.models import Monitor

log = structlog.get_logger(__name__)

Trigger = DetectionRun.Trigger
MOST_REPLAYED = 200
"""Runs that one replay reads at most: it happens in the transaction of the late run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One observation of the fold."""

    observation: Observation
    before: EpisodeState
    after: EpisodeState

    @property
    def is_part(self) -> bool:
        """True if the run belongs to an episode: it drifted, or its being ok counts for one."""
        return self.observation.is_drift or self.after != self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The steps from a late observation on.

    Attributes:
        steps: The first one is the late observation.
        rows: The rows that the replayed runs have already.
        anchor: The row before the late one.
        is_settled: The steps after the last one stay as they are stored.
    """

    steps: Sequence[Step]
    rows: Mapping[str, AlertRun]
    anchor: AlertRun | None
    is_settled: bool


def replay(
    run: DetectionRun, kind: str, observation: Observation, rules: Rules, *, is_history: bool
) -> Replay:
    """Fold from an observation that isn't the newest to the newest run; the monitor is locked."""
    stored = rows_of(run.monitor_id, kind, is_history=is_history)
    anchor = _anchor(stored, observation.place)
    rows = list(stored.filter(after(observation.place)).order_by(*IN_ORDER)[:MOST_REPLAYED])
    by_run = {str(row.run_id): row for row in rows}
    later = _later_observations(run, kind, rows, is_history=is_history)
    walk = _Walk(by_run, rules, state=state_after(anchor), stored=state_after(anchor))
    steps = walk.through([observation, *later])
    if walk.is_settled or len(later) < MOST_REPLAYED:
        return Replay(steps=steps, rows=by_run, anchor=anchor, is_settled=walk.is_settled)
    log.warning("replay_cut_off", run_id=str(run.id), most=MOST_REPLAYED)
    return Replay(steps=steps, rows=by_run, anchor=anchor, is_settled=True)


def rows_of(monitor_id: UUID, kind: str, *, is_history: bool) -> QuerySet[AlertRun]:
    """The rows of all episodes of a kind of a monitor."""
    rows = AlertRun.objects.filter(alert__monitor_id=monitor_id, alert__kind=kind)
    return rows.filter(alert__is_history=is_history)


def _anchor(rows: QuerySet[AlertRun], place: Place) -> AlertRun | None:
    """The row before a place; no run between them has changed the state, as it would have a row."""
    earlier = rows.filter(before(place)).exclude(state_after={})
    return earlier.order_by("-window_end", "-window_start", "-track").first()


def state_after(row: AlertRun | None) -> EpisodeState:
    """The state of the episode after a row; without a row there is no episode."""
    return EpisodeState.of_json(row.state_after) if row is not None and row.state_after else IDLE


@dataclass(slots=True)
class _Walk:
    """Advances a state, and stops where it has become the stored one again."""

    rows: Mapping[str, AlertRun]
    rules: Rules
    state: EpisodeState
    stored: EpisodeState | None
    is_settled: bool = False

    def through(self, observations: Iterable[Observation]) -> list[Step]:
        """The steps up to the last one that changes what is stored."""
        steps: list[Step] = []
        for observation in observations:
            steps.append(self._step(observation))
            if self.state == self.stored:
                self.is_settled = True
                break
        return steps

    def _step(self, observation: Observation) -> Step:
        before, self.state = self.state, advance(self.state, observation, self.rules)
        row = self.rows.get(observation.run_id)
        if row is not None:
            self.stored = state_after(row) if row.state_after else None
        return Step(observation=observation, before=before, after=self.state)


def _later_observations(
    run: DetectionRun, kind: str, rows: Sequence[AlertRun], *, is_history: bool
) -> list[Observation]:
    """The observations of newer windows, in their order."""
    known = [row for row in rows if row.observation]
    runs = _runs_without_row(run, {row.run_id for row in known}, is_history=is_history)
    found = [stored_observation(row) for row in known]
    found += _observations_of(runs, kind, run.monitor)
    return sorted(found, key=attrgetter("place"))[:MOST_REPLAYED]


def _runs_without_row(
    run: DetectionRun, with_row: Collection[UUID], *, is_history: bool
) -> list[DetectionRun]:
    """The newer runs that are no part of an episode; rows that came with a request never become one."""
    newer = judged_runs(is_history=is_history).filter(monitor_id=run.monitor_id)
    newer = newer.exclude(trigger=Trigger.MANUAL).exclude(id__in=[run.id, *with_row])
    found = newer.filter(window_end__gte=run.window_end).defer("inline_data")
    in_order = found.order_by("window_end", "window_start")[: MOST_REPLAYED + 1]
    return [each for each in in_order if place_of(each) > place_of(run)]


def _observations_of(
    runs: Sequence[DetectionRun], kind: str, monitor: Monitor
) -> Iterator[Observation]:
    ours = [each for each in runs if kind in kinds_of(each)]
    answers: dict[UUID, list[MethodAnswer]] = defaultdict(list)
    for detection in Detection.objects.filter(run_id__in=[each.id for each in ours], counts=True):
        answers[detection.run_id].append(MethodAnswer.of_stored(detection))
    for each in ours:
        each.monitor = monitor
        if (observation := observe(each, kind, answers[each.id])) is not None:
            yield observation


def stored_observation(row: AlertRun) -> Observation:
    """The observation that a row holds."""
    return Observation.of_json(
        row.observation,
        run_id=str(row.run_id),
        place=Place(row.window_end, row.window_start, row.track),
        verdict=row.verdict,
        severity=row.severity,
    )
