"""Compiles loops with numba, which keeps the machine code on disk."""

from collections.abc import Callable
from typing import Any, cast

from numba import njit


def jit[F: Callable[..., Any]](function: F) -> F:
    """Compile at the first call of each signature, or load what an earlier process compiled.

    The code releases the GIL. There is no `fastmath`: the same values in the same order give the same bits on every
    machine. numba compiles again when the function's own file changes, not when a function that it calls does: after
    such a change delete `algorithms/**/__pycache__`. Where the sources lie in a folder that cannot be written, numba
    keeps the code in the user's own cache; where there is none, each process compiles for itself.
    """
    try:
        return cast("F", njit(nogil=True, cache=True)(function))
    except RuntimeError:  # there is no place for a cache
        return cast("F", njit(nogil=True)(function))
