"""Stores the profile of a judged run, and once per baseline version the frame of its pictures."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock
from uuid import UUID

from django.db import transaction

from algorithms.picture_format import frames_to_json, pack, scores_to_json
from algorithms.pictures import Drawing
from detections.models import BaselineFrame, DetectionRun, RunProfile
from detections.results import RunResult

MOST_KNOWN = 10_000
"""Baselines whose frames this process knows to be stored."""


class _KnownFrames:
    """The baselines whose frames are stored, with the features that were sensitive then."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, frozenset[str]] = OrderedDict()
        self._lock = Lock()

    def has(self, baseline_id: UUID, sensitive: Collection[str]) -> bool:
        with self._lock:
            return self._known.get(baseline_id) == frozenset(sensitive)

    def add(self, baseline_id: UUID, sensitive: Collection[str]) -> None:
        with self._lock:
            self._known[baseline_id] = frozenset(sensitive)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


_known_frames = _KnownFrames()


def store_profile(run: DetectionRun, result: RunResult) -> None:
    """Store the profile of a run that has been recorded, in its transaction; none without a row.

    A baseline's frame is written by the first run that each process completes, and again when other
    features are sensitive.
    """
    drawing = result.drawing
    if drawing is None or not drawing.drawn or run.baseline_id is None:
        return
    names = list(drawing.frames)
    RunProfile.objects.create(
        tenant_id=run.tenant_id,
        run=run,
        monitor_id=run.monitor_id,
        window_start=run.window_start,
        window_end=run.window_end,
        drawn=pack([drawing.drawn.get(name) for name in names]),
        scores=pack(scores_to_json(result.methods, names)),
    )
    _store_frames(run, run.baseline_id, drawing)


def _store_frames(run: DetectionRun, baseline_id: UUID, drawing: Drawing) -> None:
    sensitive = frozenset(drawing.sensitive)
    if _known_frames.has(baseline_id, sensitive):
        return
    frame = BaselineFrame(
        tenant_id=run.tenant_id,
        baseline_id=baseline_id,
        content=pack(frames_to_json(drawing.frames, sensitive)),
    )
    BaselineFrame.objects.bulk_create(
        [frame],
        update_conflicts=True,
        unique_fields=["tenant", "baseline"],
        update_fields=["content"],
    )
    transaction.on_commit(lambda: _known_frames.add(baseline_id, sensitive))
