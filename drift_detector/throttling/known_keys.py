"""Remembers which keys were right a short while ago, so that wrong keys of others at their address don't stop them."""

from collections import OrderedDict
from threading import Lock

MOST = 4096

_known: OrderedDict[str, None] = OrderedDict()
_lock = Lock()


def remember(sha256: str) -> None:
    """Remember that the key of this hash was right. It is looked up all the same, as it can be revoked."""
    with _lock:
        _known[sha256] = None
        _known.move_to_end(sha256)
        while len(_known) > MOST:
            _known.popitem(last=False)


def is_known(sha256: str) -> bool:
    """True if the key of this hash was right when this process last saw it."""
    with _lock:
        return sha256 in _known


def forget(sha256: str) -> None:
    """Forget a key that is wrong by now."""
    with _lock:
        _known.pop(sha256, None)
