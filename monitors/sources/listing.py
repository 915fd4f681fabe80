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
        listing = (
            _list_local(location, policy)
            if location.is_local
            else _list_store(location, filesystem)
        )
        files = sorted(listing, key=lambda file: file.path)
    if files:
        return files
    if location.pattern is not None:
        raise SourceNotFound(f"No file matches ‘{location.uri}’.")
    raise SourceNotFound(f"There is no data file at ‘{location.uri}’.")


def _is_wanted(location: Location, parts: Sequence[str]) -> bool:
    if any(part.startswith(IGNORED_PREFIXES) for part in parts):
        return False
    return location.pattern is None or location.pattern.matches(parts)


def _list_store(location: Location, filesystem: pafs.FileSystem) -> Iterator[SourceFile]:
    if location.pattern is None:
        info = filesystem.get_file_info(location.base)
        if info.type == pafs.FileType.File:
            yield SourceFile(info.path, posixpath.basename(info.path), info.size)
            return
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
    with os.scandir(folder) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for child in children:
        below = (*parts, child.name)
        if child.name.startswith(IGNORED_PREFIXES) or not _may_matter(location, below):
            continue
        name = "/".join(below)
        if child.is_symlink() and not is_under_roots(os.path.realpath(child.path), policy):
            raise ForbiddenUri(f"‘{name}’ leads outside the folders that this tenant may read.")
        if child.is_dir():
            yield from _walk(location, policy, below, visited | {real_folder})
        elif _is_wanted(location, below):
            yield _local_file(folder / child.name, name)


def _may_matter(location: Location, parts: Sequence[str]) -> bool:
    pattern = location.pattern
    return pattern is None or pattern.matches(parts) or pattern.may_match_below(parts)


def _local_file(path: Path, name: str) -> SourceFile:
    with translated(name):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableSource(f"‘{name}’ is not a regular file.")
    return SourceFile(str(path), name, found.st_size)
