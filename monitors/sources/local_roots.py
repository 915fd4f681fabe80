"""The allowed roots of a disk, each held by a descriptor, and what lies beneath them.

A path is resolved by names, and what was found is opened beneath the root's descriptor without a link on
the way. If a link is swapped in between, the opening fails and the path is resolved again: what is
opened lies beneath a root, at every moment.
"""

import errno
import os
import stat
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from monitors.sources.descriptors import FOLDER, LOOK, READ, open_beneath
from monitors.sources.placeholders import is_filled
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import LeadsOutside, NotRegular

TRIES = 5
"""Times that a path is resolved again because a part of it has become a link."""


def real_roots(policy: SourcePolicy) -> tuple[str, ...]:
    """The allowed folders without links; the widest first, beneath which the others lie."""
    roots = filter(is_filled, policy.allowed_roots)
    return tuple(sorted({os.path.realpath(root) for root in roots}, key=len))


def root_of(path: str, roots: Sequence[str]) -> str | None:
    """The widest of the roots beneath which a path lies that is free of links."""
    return next((root for root in roots if f"{path}/".startswith(f"{root.rstrip('/')}/")), None)


@dataclass(frozen=True, slots=True)
class Found:
    """The target of a path.

    Attributes:
        path: The path of it without links.
        descriptor: Its open descriptor; it is closed with the block.
        status: Its kind, its size and its place on the disk.
    """

    path: str
    descriptor: int
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """True for a regular file, not for a pipe, a socket or a device."""
        return stat.S_ISREG(self.status.st_mode)


class LocalRoots:
    """The allowed roots; a descriptor of each is kept from its first use on."""

    def __init__(self, policy: SourcePolicy) -> None:
        self._roots = real_roots(policy)
        self._descriptors: dict[str, int] = {}
        self._lock = Lock()
        weakref.finalize(self, _close_all, self._descriptors)

    def holds(self, path: str) -> bool:
        """True if a path that is free of links lies beneath a root."""
        return root_of(path, self._roots) is not None

    @contextmanager
    def look(self, path: str) -> Iterator[Found]:
        """Open the target of a path, without a wait for pipes and without a sign to devices.

        Raises:
            OSError: If there is nothing, or it may not be reached; `LeadsOutside` if links lead out
                of the roots.
        """
        with self._opened(path, LOOK) as found:
            yield found

    def open_file(self, path: str) -> tuple[int, int]:
        """A descriptor of the regular file at a path, to close, and the file's size in bytes.

        Raises:
            OSError: As `look` does; `NotRegular` if it is another kind of thing.
        """
        try:
            _, descriptor = self._open(path, READ)
        except OSError as error:
            # A socket can't be opened at all.
            raise _not_regular() if error.errno == errno.ENXIO else error from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise _not_regular()
        return descriptor, status.st_size

    @contextmanager
    def folder(self, path: str) -> Iterator[Found]:
        """The folder at a path, whose entries its descriptor lists.

        Raises:
            OSError: As `look` does; `NotADirectoryError` if it is no folder.
        """
        with self._opened(path, FOLDER) as found:
            yield found

    def is_folder(self, path: str) -> bool:
        """True if a folder beneath the roots is at a path."""
        try:
            with self.look(path) as found:
                return found.is_folder
        except OSError:
            return False

    def names_in(self, path: str) -> list[str]:
        """The names in a folder; none if it is none, or closed to the service."""
        try:
            with self.folder(path) as found, os.scandir(found.descriptor) as entries:
                return [entry.name for entry in entries]
        except OSError:
            return []

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[Found]:
        real_path, descriptor = self._open(path, flags)
        try:
            yield Found(real_path, descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _open(self, path: str, flags: int) -> tuple[str, int]:
        """The path without links, and a descriptor of what lies there."""
        real_path, error = path, OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        for _ in range(TRIES):
            try:
                return real_path, self._open_real(real_path, flags)
            except LeadsOutside:
                # A path through a link of the operator's lies beneath a root after it is resolved.
                if real_path is not path:
                    raise
            except OSError as failure:
                if failure.errno != errno.ELOOP:
                    raise
                error = failure
            real_path = os.path.realpath(path)
        raise error

    def _open_real(self, path: str, flags: int) -> int:
        root = root_of(path, self._roots)
        if root is None:
            raise LeadsOutside(errno.EXDEV, os.strerror(errno.EXDEV))
        below = path[len(root) :].lstrip("/") or "."
        return open_beneath(self._descriptor(root), below, flags)

    def _descriptor(self, root: str) -> int:
        if root not in self._descriptors:
            with self._lock:
                if root not in self._descriptors:
                    self._descriptors[root] = os.open(root, FOLDER | os.O_CLOEXEC)
        return self._descriptors[root]


def _not_regular() -> NotRegular:
    return NotRegular(errno.EINVAL, "not a regular file")


def _close_all(descriptors: dict[str, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)
    descriptors.clear()
