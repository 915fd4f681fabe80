"""Keeps the baselines that this process has decoded, for the next runs of their monitors."""

from collections import OrderedDict
from threading import Lock

from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import CorruptBundle, UnsupportedBundle
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline


class UnreadableBaseline(Exception):
    """The stored bytes are damaged, or of another version of the service."""


class FrozenBaselines:
    """The most recently used baselines by content hash; their stored sizes together fit a limit."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[FrozenBaseline, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, baseline: Baseline) -> FrozenBaseline:
        """The decoded baseline.

        Content that is not held is fetched, and decoded when that transaction is over.

        Raises:
            UnreadableBaseline: If its bytes cannot be decoded.
        """
        frozen = self._find(baseline)
        if frozen is None:
            frozen = _decode(_fetch(baseline))
            self._hold(baseline, frozen)
        return frozen

    def _find(self, baseline: Baseline) -> FrozenBaseline | None:
        with self._lock:
            if baseline.content_hash not in self._held:
                return None
            self._held.move_to_end(baseline.content_hash)
            return self._held[baseline.content_hash][0]

    def _hold(self, baseline: Baseline, frozen: FrozenBaseline) -> None:
        with self._lock:
            self._held[baseline.content_hash] = frozen, baseline.size_bytes
            while self._size() > settings.ENV.data.baseline_cache_bytes:
                self._held.popitem(last=False)

    def _size(self) -> int:
        return sum(size for _, size in self._held.values())


def _fetch(baseline: Baseline) -> bytes:
    with tenant_scope(baseline.tenant_id):
        content = Baseline.objects.values_list("content", flat=True).get(id=baseline.id)
    return bytes(content or b"")


def _decode(content: bytes) -> FrozenBaseline:
    try:
        return FrozenBaseline.from_bytes(content)
    except (CorruptBundle, UnsupportedBundle) as error:
        raise UnreadableBaseline(f"{error} Have a new version of the baseline built.") from error


frozen_baselines = FrozenBaselines()
