"""Stores the profile of a judged run, and once per baseline version the frame of its pictures."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from algorithms.picture_format import frames_to_json, pack, pack_pictures, pack_scores
from algorithms.pictures import Drawing
from detections.models import BaselineFrame, DetectionRun
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


INSERT = """
    INSERT INTO drf_profiles
        (id, created_at, tenant_id, run_id, monitor_id, window_start, window_end, drawn, scores)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_known_frames = _KnownFrames()


def store_profile(run: DetectionRun, result: RunResult) -> None:
    """Store the profile of a run that has been recorded, in its transaction; none without a row.

    A baseline's frame is written by the first run that each process completes, and again when other
    features are sensitive.
    """
    drawing = result.drawing
    if drawing is None or not drawing.drawn or run.baseline_id is None:
        return
    scores = pack_scores(result.methods, list(drawing.frames))
    _insert(run, pack_pictures(drawing), scores)
    _store_frames(run, run.baseline_id, drawing)


def _insert(run: DetectionRun, drawn: bytes, scores: bytes) -> None:
    """Write the row by SQL, in half the time that a model takes."""
    own: list[Any] = [uuid4(), timezone.now(), run.tenant_id, run.id, run.monitor_id]
    window = [run.window_start, run.window_end]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [*own, *window, drawn, scores])


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
