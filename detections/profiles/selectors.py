"""Reads profiles of runs: one run's pictures, and series over windows. Pages and the API share them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from algorithms.picture_format import Shown, show_feature, show_scores, unpack
from algorithms.verdicts import Verdict, combine_verdicts
from detections.models import BaselineFrame, Detection, DetectionRun, RunProfile
from drift_detector.api.time_spans import Span
from drift_detector.formats import stored_number
from monitors.models import Monitor

MOST_WINDOWS = 400
USUAL_WINDOWS = 100
MOST_FEATURES = 500
USUAL_FEATURES = 300
ALL_FEATURES = 100_000
"""More than a baseline can have."""
NO_PROFILE = (
    "The run has no profile: it judged no row, or it ended before profiles were kept, or not yet."
)


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a baseline's pictures as they are stored.

    Attributes:
        frames: A record for each feature, in the order of the profiles.
    """

    frames: Sequence[Shown] = ()

    @property
    def names(self) -> list[str]:
        """The features, in the order of the profiles."""
        return [frame["name"] for frame in self.frames]


NO_FRAMES = Frames()


def get_run_profile(
    run: DetectionRun, *, feature: str | None = None, most: int = USUAL_FEATURES
) -> Shown:
    """The pictures of a run's window, each with its reference; the most drifted features first.

    Args:
        run: With its monitor.
        feature: The only feature to show.
        most: Features to show.
    """
    profile = RunProfile.objects.filter(run_id=run.id).first()
    if profile is None or run.baseline_id is None:
        return _profile_answer(run, [], [], most, reason=NO_PROFILE)
    frames = _frames_of([run.baseline_id]).get(run.baseline_id, NO_FRAMES)
    scores = show_scores(unpack(bytes(profile.scores)), frames.names)
    wanted = [each for each in scores if feature in (None, each["feature"])]
    drawn = unpack(bytes(profile.drawn))
    sensitive = set(run.monitor.sensitive_features)
    shown = [
        show_feature(frame, each, is_sensitive=frame["name"] in sensitive)
        for frame, each in zip(frames.frames, drawn, strict=False)
        if feature in (None, frame["name"])
    ]
    return _profile_answer(run, shown, wanted, most)


def _profile_answer(
    run: DetectionRun,
    features: Sequence[Shown],
    scores: Iterable[Shown],
    most: int,
    *,
    reason: str = "",
) -> Shown:
    by_feature = _by_feature(scores)
    joined = [_with_scores(each, by_feature.get(each["feature"], [])) for each in features]
    ranked = sorted(joined, key=_rank)
    return {
        "run_id": run.id,
        "monitor_id": run.monitor_id,
        "baseline_id": run.baseline_id,
        "window_start": run.window_start,
        "window_end": run.window_end,
        "rows": run.rows,
        "reason": reason,
        "features": ranked[:most],
        "features_left_out": max(0, len(ranked) - most),
    }


def _by_feature(scores: Iterable[Shown]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for score in scores:
        found.setdefault(score["feature"], []).append(score)
    return found


def _with_scores(feature: Shown, scores: Sequence[Shown]) -> Shown:
    summary = _summary(scores)
    return feature | {
        "verdict": summary["verdict"],
        "effect_ratio": summary["effect_ratio"],
        "methods": [_of_method(score) for score in scores],
    }


def _summary(scores: Sequence[Shown]) -> Shown:
    """The verdict of all methods on a feature, and the largest effect for its tolerance."""
    ratios = [each["effect_ratio"] for each in scores if each["effect_ratio"] is not None]
    verdict = combine_verdicts(Verdict(each["verdict"]) for each in scores) if scores else None
    return {"verdict": verdict, "effect_ratio": max(ratios, default=None)}


def _of_method(score: Shown) -> Shown:
    return {name: each for name, each in score.items() if name != "feature"}


def _rank(feature: Shown) -> tuple[bool, float, str]:
    ratio = feature["effect_ratio"]
    is_drifted = feature["verdict"] == Verdict.DRIFT
    return not is_drifted, -(ratio if ratio is not None else -1.0), feature["feature"]


def get_feature_series(monitor: Monitor, feature: str, span: Span, *, most: int) -> Shown:
    """One feature over windows: effects, verdicts, nulls and quantiles, the oldest window first."""
    profiles, is_more = _list_profiles(monitor, span, most, "drawn", "scores")
    frames = _frames_of({each.run.baseline_id for each in profiles})
    points = [_point(each, feature, frames, monitor.sensitive_features) for each in profiles]
    return {
        "monitor_id": monitor.id,
        "feature": feature,
        "is_sensitive": feature in monitor.sensitive_features,
        "points": [point for point in points if point is not None],
        "has_older_windows": is_more,
    }


def _list_profiles(
    monitor: Monitor, span: Span, most: int, *columns: str
) -> tuple[list[RunProfile], bool]:
    """The newest profile of each of the latest windows, the oldest first; and if there are older ones."""
    found = RunProfile.objects.filter(monitor_id=monitor.id, **_within(span))
    newest = found.order_by("-window_start", "-window_end", "-created_at")
    once = newest.distinct("window_start", "window_end")
    runs = [f"run__{name}" for name in ("id", "baseline_id", "verdict", "trigger")]
    chosen = once.select_related("run").only("window_start", "window_end", *columns, *runs)
    profiles = list(chosen[: most + 1])
    return profiles[:most][::-1], len(profiles) > most


def _within(span: Span) -> dict[str, datetime]:
    bounds = {"window_start__gte": span.start, "window_start__lt": span.end}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def get_baseline_pictures(baseline_id: UUID, sensitive: Collection[str]) -> list[Shown]:
    """The reference's part of the pictures of a baseline version, in the order of its features.

    Args:
        baseline_id: The version.
        sensitive: The features of which no value is shown.
    """
    frames = _frames_of([baseline_id]).get(baseline_id, NO_FRAMES).frames
    return [show_feature(each, None, is_sensitive=each["name"] in sensitive) for each in frames]


def _frames_of(baseline_ids: Collection[UUID | None]) -> dict[UUID, Frames]:
    """The frames of baselines, by their ids."""
    known = [each for each in baseline_ids if each is not None]
    found = BaselineFrame.objects.filter(baseline_id__in=known)
    rows = found.values_list("baseline_id", "content")
    return {baseline_id: Frames(unpack(bytes(content))) for baseline_id, content in rows}


def _point(
    profile: RunProfile,
    feature: str,
    frames: Mapping[UUID, Frames],
    sensitive: Collection[str],
) -> Shown | None:
    """A feature in one window; None if the baseline of that time had no such feature."""
    known = frames.get(profile.run.baseline_id, NO_FRAMES)
    place = known.names.index(feature) if feature in known.names else None
    if place is None:
        return None
    scores = show_scores(unpack(bytes(profile.scores)), known.names)
    drawn, frame = unpack(bytes(profile.drawn))[place], known.frames[place]
    picture = show_feature(frame, drawn, is_sensitive=feature in sensitive)
    own = [score for score in scores if score["feature"] == feature]
    return (
        _window(profile)
        | _summary(own)
        | {"methods": [_of_method(score) for score in own]}
        | {name: picture[name] for name in ("kind", "null_rate", "quantiles")}
        | {"new_categories": _new_categories(picture)}
    )


def _new_categories(picture: Shown) -> Any:
    return picture["categories"]["new"] if picture["categories"] else None


def _window(profile: RunProfile) -> Shown:
    return {
        "run_id": profile.run_id,
        "baseline_id": profile.run.baseline_id,
        "window_start": profile.window_start,
        "window_end": profile.window_end,
    }


@dataclass(slots=True)
class _Row:
    """One feature of a heat map."""

    effect_ratios: list[float | None]
    verdicts: list[str | None]

    def rank(self) -> tuple[int, float]:
        drifts = sum(verdict == Verdict.DRIFT for verdict in self.verdicts)
        known = [ratio for ratio in self.effect_ratios if ratio is not None]
        return -drifts, -max(known, default=-1.0)


@dataclass(slots=True)
class _HeatMap:
    """The features of some windows."""

    windows: int
    rows: dict[str, _Row] = field(default_factory=dict)

    def add(self, place: int, feature: str, summary: Shown) -> None:
        if feature not in self.rows:
            self.rows[feature] = _Row([None] * self.windows, [None] * self.windows)
        self.rows[feature].effect_ratios[place] = summary["effect_ratio"]
        self.rows[feature].verdicts[place] = summary["verdict"]

    def ranked(self) -> list[Shown]:
        """The features that drifted most often first, then those with the largest effects."""
        names = sorted(self.rows, key=lambda name: (self.rows[name].rank(), name))
        return [
            {
                "feature": name,
                "effect_ratios": self.rows[name].effect_ratios,
                "verdicts": self.rows[name].verdicts,
            }
            for name in names
        ]


def get_monitor_series(
    monitor: Monitor, span: Span, *, most_windows: int, most_features: int
) -> Shown:
    """All features over windows: the effects and verdicts of a heat map, and the performance."""
    profiles, is_more = _list_profiles(monitor, span, most_windows, "scores")
    features = _heat_map(profiles).ranked()
    return {
        "monitor_id": monitor.id,
        "windows": [_window(each) | {"verdict": each.run.verdict} for each in profiles],
        "features": features[:most_features],
        "features_left_out": max(0, len(features) - most_features),
        "performance": _list_performance(monitor, span, most_windows),
        "has_older_windows": is_more,
    }


def _heat_map(profiles: Sequence[RunProfile]) -> _HeatMap:
    frames, found = (
        _frames_of({each.run.baseline_id for each in profiles}),
        _HeatMap(len(profiles)),
    )
    for place, profile in enumerate(profiles):
        names = frames.get(profile.run.baseline_id, NO_FRAMES).names
        scores = _by_feature(show_scores(unpack(bytes(profile.scores)), names))
        for feature, own in scores.items():
            found.add(place, feature, _summary(own))
    return found


def _list_performance(monitor: Monitor, span: Span, most: int) -> list[Shown]:
    """Each metric's points, measured and estimated, the oldest window first."""
    found = Detection.objects.filter(
        monitor_id=monitor.id, detection_type=Detection.Type.PERFORMANCE, **_within(span)
    )
    newest = found.order_by("-window_start", "-window_end", "method", "-created_at")
    once = list(newest.distinct("window_start", "window_end", "method")[: 2 * most])
    metrics: dict[tuple[str, str], list[Shown]] = {}
    for detection in reversed(once):
        for detail in detection.details:
            key = detail["feature"], detection.method
            metrics.setdefault(key, []).append(_performance_point(detection, detail))
    return [
        {"metric": metric, "method": method, "points": points}
        for (metric, method), points in sorted(metrics.items())
    ]


def _performance_point(detection: Detection, detail: Mapping[str, Any]) -> Shown:
    explained: Mapping[str, Any] = detail.get("explanation") or {}
    return {
        "run_id": detection.run_id,
        "window_start": detection.window_start,
        "window_end": detection.window_end,
        "verdict": detail["verdict"],
        "value": stored_number(detail.get("statistic")),
        "lower": stored_number(explained.get("lower")),
        "upper": stored_number(explained.get("upper")),
        "limit": stored_number(detail.get("threshold")),
        "baseline": stored_number(explained.get("baseline")),
        "rows": detail.get("n_current", 0),
    }
