"""Keeps the baselines that this process has decoded, so that a monitor's next run need not fetch its own again."""

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
    """The most recently used baselines, by content hash, as long as their stored sizes together fit a limit."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[FrozenBaseline, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, baseline: Baseline) -> FrozenBaseline:
        """The decoded baseline; its content is fetched if it is not held, and decoded once that transaction is over.

        Raises:
            UnreadableBaseline: If its bytes cannot be decoded.
        """
        with self._lock:
            if baseline.content_hash in self._held:
                self._held.move_to_end(baseline.content_hash)
                return self._held[baseline.content_hash][0]
        with tenant_scope(baseline.tenant_id):
            content = Baseline.objects.values_list("content", flat=True).get(id=baseline.id)
        try:
            frozen = FrozenBaseline.from_bytes(bytes(content or b""))
        except (CorruptBundle, UnsupportedBundle) as error:
            raise UnreadableBaseline(
                f"{error} Have a new version of the baseline built."
            ) from error
        self._hold(baseline, frozen)
        return frozen

    def _hold(self, baseline: Baseline, frozen: FrozenBaseline) -> None:
        with self._lock:
            self._held[baseline.content_hash] = frozen, baseline.size_bytes
            while (
                sum(size for _, size in self._held.values())
                > settings.ENV.data.baseline_cache_bytes
            ):
                self._held.popitem(last=False)


frozen_baselines = FrozenBaselines()
