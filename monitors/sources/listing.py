"""The files that a location stands for."""

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import (
    ForbiddenUri,
    SourceNotFound,
    UnreadableSource,
    translated,
)
from monitors.sources.uris import Location, is_under_roots

IGNORED_PREFIXES = (".", "_")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a dataset.

    Attributes:
        path: Its path in the file system it is read from.
        name: Its path below the user's folder or pattern; for a single file, its base name.
        size: Its size in bytes.
    """

    path: str
    name: str
    size: int


def list_files(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> list[SourceFile]:
    """The files of a single file, a folder or a pattern, ordered by path.

    Names that start with `.` or `_` are ignored below the folder or the fixed part of the pattern,
    as pyarrow does. Symlinks are checked now and not again when a file is opened, so tenants must
    not be able to write to a local root.

    Raises:
        SourceNotFound: If there is no file.
        ForbiddenUri: If a local symlink leads outside the allowed roots.
        UnreadableSource: If a folder may not be listed, or an entry is a pipe or device.
    """
    with translated(location.uri):
        files = sorted(_list(location, filesystem, policy), key=lambda file: file.path)
    if not files:
        raise _nothing_at(location)
    return files


def _list(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> Iterator[SourceFile]:
    if location.is_local:
        return _list_local(location, policy)
    return _list_store(location, filesystem)


def _nothing_at(location: Location) -> SourceNotFound:
    if location.pattern is not None:
        return SourceNotFound(f"No file matches ‘{location.uri}’.")
    return SourceNotFound(f"There is no data file at ‘{location.uri}’.")


def _is_wanted(location: Location, parts: Sequence[str]) -> bool:
    if any(part.startswith(IGNORED_PREFIXES) for part in parts):
        return False
    return location.pattern is None or location.pattern.matches(parts)


def _list_store(location: Location, filesystem: pafs.FileSystem) -> Iterator[SourceFile]:
    if location.pattern is None:
        info = filesystem.get_file_info(location.base)
        if info.type == pafs.FileType.File:
            return iter([SourceFile(info.path, posixpath.basename(info.path), info.size)])
    return _list_below(location, filesystem)


def _list_below(location: Location, filesystem: pafs.FileSystem) -> Iterator[SourceFile]:
    """The files of a folder in a store."""
    selector = pafs.FileSelector(location.base, recursive=True)
    for info in filesystem.get_file_info(selector):
        name = posixpath.relpath(info.path, location.base)
        if info.type == pafs.FileType.File and _is_wanted(location, name.split("/")):
            yield SourceFile(info.path, name, info.size)


def _list_local(location: Location, policy: SourcePolicy) -> Iterator[SourceFile]:
    base = Path(location.base)
    if location.pattern is None and not base.is_dir():
        yield _local_file(base, base.name)
        return
    yield from _walk(location, policy, parts=(), visited=set())


def _walk(
    location: Location, policy: SourcePolicy, parts: tuple[str, ...], visited: set[str]
) -> Iterator[SourceFile]:
    """List a folder; follow symlinks inside the roots, and each real folder once per branch."""
    folder = Path(location.base, *parts)
    real_folder = os.path.realpath(folder)
    if real_folder in visited:
        return
    for child in _children(folder):
        below = (*parts, child.name)
        if not _may_matter(location, below):
            continue
        _refuse_escape(child, "/".join(below), policy)
        if child.is_dir():
            yield from _walk(location, policy, below, visited | {real_folder})
        elif _is_wanted(location, below):
            yield _local_file(folder / child.name, "/".join(below))


def _children(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name, without the ignored ones."""
    with os.scandir(folder) as entries:
        wanted = [entry for entry in entries if not entry.name.startswith(IGNORED_PREFIXES)]
    return sorted(wanted, key=lambda entry: entry.name)


def _refuse_escape(child: os.DirEntry[str], name: str, policy: SourcePolicy) -> None:
    if child.is_symlink() and not is_under_roots(os.path.realpath(child.path), policy):
        raise ForbiddenUri(f"‘{name}’ leads outside the folders that this tenant may read.")


def _may_matter(location: Location, parts: Sequence[str]) -> bool:
    pattern = location.pattern
    return pattern is None or pattern.matches(parts) or pattern.may_match_below(parts)


def _local_file(path: Path, name: str) -> SourceFile:
    with translated(name):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableSource(f"‘{name}’ is not a regular file.")
    return SourceFile(str(path), name, found.st_size)
