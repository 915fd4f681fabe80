"""Lets scikit-learn use one thread, as a worker has one core."""

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """A block in which trees are learnt by one thread; scikit-learn must have been imported."""
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="openmp")
    return limited


@cache
def _controller() -> "ThreadpoolController":
    """The thread pools of this process; it looks through all loaded libraries to find them."""
    # Only what learns trees needs it; most processes of runs do not.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
