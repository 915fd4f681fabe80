"""Finds compiled kernels on disk: beside the package, also where it can only be read, or in the user's own cache.

numba looks beside a module only where it can write; a package that one user installs and warms, and another runs,
would be compiled by each process again. See numba's page "Notes on caching" for what makes kept code stale.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    _Cache,
)


class _ReadableFolder(InTreeCacheLocator):
    """The folder beside a module, which need not be writable."""

    def ensure_cache_path(self) -> None:
        """Raise OSError if the folder is not there, or cannot be read."""
        next(Path(self.get_cache_path()).iterdir(), None)  # type: ignore[no-untyped-call]


class _ReadableImplementation(CompileResultCacheImpl):
    _locator_classes = [_ReadableFolder]


class _ReadableCache(FunctionCache):
    _impl_class = _ReadableImplementation


class KernelCache(_Cache):
    """The places of one function's machine code.

    Attributes:
        kept: The place that is read and written, as numba chooses it; None if there is none.
        places: Those that are read, the package's own folder first.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.kept = _own_cache(function)
        self.places: list[Any] = [
            *_beside(function, self.kept),
            *([self.kept] if self.kept else []),
        ]

    @property
    def cache_path(self) -> str | None:
        """The folder that is written."""
        return self.kept.cache_path if self.kept else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for a signature; None if no place has it."""
        return next(self._loaded(sig, target_context), None)

    def _loaded(self, sig: Any, target_context: Any) -> Iterator[Any]:
        for place in self.places:
            with suppress(OSError):  # a file of another user
                found = place.load_overload(sig, target_context)
                if found is not None:
                    yield found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature, if there is a place with room."""
        with suppress(OSError):  # a full disk; the code is there all the same
            if self.kept:
                self.kept.save_overload(sig, data)

    def enable(self) -> None:
        """Read and write again."""
        for place in self.places:
            place.enable()

    def disable(self) -> None:
        """Neither read nor write."""
        for place in self.places:
            place.disable()

    def flush(self) -> None:
        """Forget what is kept."""
        if self.kept:
            self.kept.flush()


def keeps_code(function: Callable[..., Any]) -> bool:
    """True if what is compiled of a module stays for later processes.

    Args:
        function: Of the module.
    """
    return _own_cache(function) is not None


def _own_cache(function: Callable[..., Any]) -> Any:
    """The cache that numba chooses; None if there is no folder for it."""
    try:
        return FunctionCache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return None


def _beside(function: Callable[..., Any], kept: Any) -> list[FunctionCache]:
    """The package's folder, unless compiled kernels are written there or the user has chosen another folder."""
    if config.CACHE_DIR or config.CACHE_LOCATOR_CLASSES:  # type: ignore[attr-defined]
        return []
    try:
        found = _ReadableCache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return []
    is_same = kept is not None and kept.cache_path == found.cache_path
    return [] if is_same else [found]
