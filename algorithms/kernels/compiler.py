"""Compiles loops with numba, which keeps the machine code on disk."""

from collections.abc import Callable
from typing import Any, cast

from numba import njit
from numba.core.dispatcher import Dispatcher

from .kernel_cache import KernelCache


def jit[F: Callable[..., Any]](function: F) -> F:
    """Compile at the first call of each signature, or load what an earlier process compiled.

    The code releases the GIL. There is no `fastmath`: the same values in the same order give the same bits on every
    machine. numba compiles again when the function's own file changes, not when a function that it calls does: after
    such a change delete `algorithms/**/__pycache__`. Code beside the sources is loaded also where that folder cannot be
    written; what is missing there is kept in the user's own cache; where there is none, each process compiles for
    itself.
    """
    compiled = njit(nogil=True)(function)
    if isinstance(compiled, Dispatcher):  # it is the function itself where NUMBA_DISABLE_JIT is set
        compiled._cache = KernelCache(function)  # type: ignore[attr-defined]
    return cast("F", compiled)
