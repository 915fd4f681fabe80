"""Observations: what one run says about one kind of episode, without a database.

Two sorts of runs judge the windows of a monitor. A check judges all features at once. A follow-up comes
later, when labels are due, and judges the model's performance alone. So an entry keeps the window in
which it was last seen, and each entry ends by itself. `Observation.ends` has the rule as a table.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from algorithms.method_results import PerformanceMethod
from algorithms.methods import Method
from algorithms.power import POWER, Sight
from algorithms.run_evidence import combined_p_value
from algorithms.verdicts import Verdict
from detections.slice_words import in_words

MEASURED = PerformanceMethod.PERFORMANCE.value
METRIC_METHODS = frozenset(method.value for method in PerformanceMethod)


class Track(StrEnum):
    """The sorts of runs; lateness is a matter of one track. In one window a check comes first."""

    CHECK = "check"
    FOLLOW_UP = "follow_up"


class Place(NamedTuple):
    """The place of an observation in the order of the windows."""

    window_end: datetime
    window_start: datetime
    track: str

    def as_json(self) -> list[str]:
        """The place as plain JSON values."""
        return [self.window_end.isoformat(), self.window_start.isoformat(), self.track]

    @classmethod
    def of_json(cls, values: list[str]) -> Self:
        """The place that `as_json` gave."""
        end, start, track = values
        return cls(datetime.fromisoformat(end), datetime.fromisoformat(start), track)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftEntry:
    """One drifted feature of an episode.

    Attributes:
        method: The method that sees the drift most clearly.
        feature: The feature, or the metric.
        window_end: The end of the window in which the drift was last seen.
        record: The entry as the API shows it.
        slice: The slice in which the feature drifted; empty for the whole window.
        oks: How many runs in a row have shown since that it is over; one that could hardly see it counts as a part.
    """

    method: str
    feature: str
    window_end: datetime
    record: Mapping[str, Any]
    slice: str = ""
    oks: float = 0

    @classmethod
    def of_record(cls, record: Mapping[str, Any], window_end: datetime) -> Self:
        """The entry of a record; one without a window was seen in the given one."""
        if "window_end" in record:
            window_end = datetime.fromisoformat(record["window_end"])
        shown = {**record, "window_end": window_end.isoformat()}
        return cls(
            method=record["method"],
            feature=record["feature"],
            window_end=window_end,
            record=shown,
            slice=record.get("slice", ""),
        )

    @property
    def is_metric(self) -> bool:
        """True if the entry is a performance metric, measured or estimated."""
        return self.method in METRIC_METHODS

    @property
    def names(self) -> tuple[str, str]:
        """The method and the feature, with its slice."""
        return self.method, in_words(self.feature, self.slice)

    @property
    def must_be_ok(self) -> frozenset[str]:
        """The names that must be ok before the drift is over: the feature, and in a slice its method on all of it."""
        whole = {in_words(self.feature, self.slice)}
        return frozenset(whole | {in_words(self.method, self.slice)} if self.slice else whole)

    @property
    def sight(self) -> str:
        """The name of the test that sees the entry: of the feature, or of the method on the slice."""
        return in_words(self.method, self.slice) if self.slice else self.feature

    def counted(self, weight: float) -> Self:
        """The entry after one more run that shows that it is over.

        Args:
            weight: What the run counts for, from 0 to 1.
        """
        return replace(self, oks=self.oks + weight)

    def as_json(self) -> dict[str, Any]:
        """The entry as plain JSON values."""
        return {"record": dict(self.record), "oks": self.oks}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The entry that `as_json` gave."""
        end = datetime.fromisoformat(values["record"]["window_end"])
        return replace(cls.of_record(values["record"], end), oks=values["oks"])


class Evidence(NamedTuple):
    """The p-value of a drifted run, and the level that the false-alarm budget gave it."""

    p_value: float
    level: float

    @property
    def is_beyond_level(self) -> bool:
        """True if the run counts towards opening an alert by itself."""
        return combined_p_value((self.p_value,)) <= self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The part of a run's result that one kind of episode needs.

    Attributes:
        run_id: The run.
        place: The run's window and track.
        verdict: `ok` or `drift`; a run that judged nothing makes no observation.
        severity: Empty if it is ok.
        entries: What drifted, the largest effect first.
        not_ok: Features on which some verdict is not ok, with their slices.
        judged: The metrics that were judged, each with its method; features are not listed.
        limited: The metrics that have a limit in the monitor.
        evidence: Of a drift that was found by evidence alone; None for others, which no budget holds back.
        sights: Of a run that is ok, the tests whose power is known, by the name of what they judged.
    """

    run_id: str
    place: Place
    verdict: str
    severity: str = ""
    entries: tuple[DriftEntry, ...] = ()
    not_ok: frozenset[str] = frozenset()
    judged: frozenset[tuple[str, str]] = frozenset()
    limited: frozenset[str] = frozenset()
    evidence: Evidence | None = None
    sights: Mapping[str, Sight] = field(default_factory=dict)

    @property
    def is_drift(self) -> bool:
        """True if something drifted."""
        return self.verdict == Verdict.DRIFT

    @property
    def is_faint(self) -> bool:
        """True for a drift whose evidence alone is not beyond the budget's level."""
        return self.evidence is not None and not self.evidence.is_beyond_level

    @property
    def is_follow_up(self) -> bool:
        """True if the run measured a window again because its labels were due."""
        return self.place.track == Track.FOLLOW_UP

    def judges(self, entry: DriftEntry) -> bool:
        """True if the run judged a metric; a measured metric also judges its estimate."""
        return bool({(entry.method, entry.feature), (MEASURED, entry.feature)} & self.judged)

    def ends(self, entry: DriftEntry) -> bool:
        """True if this run, which is ok, shows that the drift of an entry is over.

        | the run's window | its verdicts on the feature | judges the entry | must judge it | over |
        |------------------|-----------------------------|------------------|---------------|------|
        | older            | any                         | any              | any           | no   |
        | as new or newer  | one is not ok               | any              | any           | no   |
        | as new or newer  | all are ok                  | yes              | any           | yes  |
        | as new or newer  | all are ok                  | no               | yes           | no   |
        | as new or newer  | all are ok                  | no               | no            | yes  |

        A run must judge a metric that still has a limit, and a follow-up must judge every entry. An entry
        that a check need not judge belongs to a feature that the monitor no longer watches.
        """
        if self.place.window_end < entry.window_end or entry.must_be_ok & self.not_ok:
            return False
        return self.judges(entry) or not self._must_judge(entry)

    def weight_for(self, entry: DriftEntry) -> float:
        """The weight of this run, which is ok, as a sign that an entry is over: from 0 to 1.

        A run that finds a change of the entry's size nine times in ten counts as one. For others it is such a share of
        one that the runs which add up to one overlook the change together at most once in ten.
        """
        sight, effect = self.sights.get(entry.sight), entry.record.get("effect_size")
        if sight is None or sight.method != entry.method or effect is None:
            return 1.0
        overlooked = 1 - min(sight.power(effect), POWER)
        return math.log(overlooked) / math.log(1 - POWER)

    def _must_judge(self, entry: DriftEntry) -> bool:
        return self.is_follow_up or (entry.is_metric and entry.feature in self.limited)

    def as_json(self) -> dict[str, Any]:
        """The observation as plain JSON values, without what its row holds in columns."""
        return {
            "entries": [entry.as_json() for entry in self.entries],
            "not_ok": sorted(self.not_ok),
            "judged": [list(pair) for pair in sorted(self.judged)],
            "limited": sorted(self.limited),
            "evidence": self.evidence,
            "sights": {name: asdict(sight) for name, sight in self.sights.items()},
        }

    @classmethod
    def of_json(
        cls, values: Mapping[str, Any], *, run_id: str, place: Place, verdict: str, severity: str
    ) -> Self:
        """The observation that `as_json` gave, with the columns of its row."""
        return cls(
            run_id=run_id,
            place=place,
            verdict=verdict,
            severity=severity,
            entries=tuple(map(DriftEntry.of_json, values["entries"])),
            not_ok=frozenset(values["not_ok"]),
            judged=frozenset((method, metric) for method, metric in values["judged"]),
            limited=frozenset(values["limited"]),
            evidence=Evidence(*values["evidence"]) if values.get("evidence") else None,
            sights={name: _sight_of(sight) for name, sight in values.get("sights", {}).items()},
        )


def _sight_of(values: Mapping[str, Any]) -> Sight:
    return Sight(**{**values, "method": Method(values["method"])})
