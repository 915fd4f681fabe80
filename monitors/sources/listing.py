"""The files that a location stands for."""

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.fs as pafs

from monitors.sources.lake_formats import (
    refuse_lake_folder,
    refuse_lake_keys,
    refuse_local_lake,
    refuse_stored_lake,
)
from monitors.sources.limits import MOST_LEVELS, at_most, refuse_more
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import (
    ForbiddenUri,
    SourceNotFound,
    UnreadableSource,
    translated,
)
from monitors.sources.uris import Location, is_under_roots

IGNORED_PREFIXES = (".", "_")
SMALLER_FOLDER = "Name a smaller folder."


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
    as pyarrow does; `_key=value` is the folder of a partition. Symlinks are checked now and not
    again when a file is opened, so tenants must not be able to write to a local root.

    Raises:
        SourceNotFound: If there is no file.
        ForbiddenUri: If a local symlink leads outside the allowed roots.
        UnreadableSource: If a folder may not be listed, an entry is a pipe or device, or the files
            belong to a table of a lake format.
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
        refuse_local_lake(location, policy)
        return _list_local(location, policy)
    return _list_store(location, filesystem, policy)


def _nothing_at(location: Location) -> SourceNotFound:
    if location.pattern is not None:
        return SourceNotFound(f"No file matches ‘{location.uri}’.")
    return SourceNotFound(f"There is no data file at ‘{location.uri}’.")


def _is_wanted(location: Location, parts: Sequence[str]) -> bool:
    if any(map(is_ignored, parts)):
        return False
    return location.pattern is None or location.pattern.matches(parts)


def is_ignored(name: str) -> bool:
    """True for hidden files, and for those that writers keep for themselves."""
    is_partition = name.startswith("_") and "=" in name
    return name.startswith(IGNORED_PREFIXES) and not is_partition


def _list_store(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> Iterator[SourceFile]:
    files = _stored_files(location, filesystem, policy)
    refuse_stored_lake(location, filesystem, policy)
    return iter(files)


def _stored_files(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> list[SourceFile]:
    if location.pattern is None:
        info = filesystem.get_file_info(location.base)
        if info.type == pafs.FileType.File:
            return [SourceFile(info.path, posixpath.basename(info.path), info.size)]
    below = _list_below(location, filesystem)
    what = f"files below ‘{location.uri}’"
    refuse_more(what, len(below), policy.limits.entries, SMALLER_FOLDER)
    chosen = [file for file in below if _is_wanted(location, file.name.split("/"))]
    chosen = _exactly_named(location, below) or chosen
    refuse_lake_keys(location, chosen, (file.name for file in below))
    return chosen


def _exactly_named(location: Location, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The file, or the files of the folder, that has a pattern for its name."""
    if location.pattern is None:
        return []
    name = "/".join(location.pattern.segments)
    return [file for file in files if f"{file.name}/".startswith(f"{name}/")]


def _list_below(location: Location, filesystem: pafs.FileSystem) -> list[SourceFile]:
    """All files of a folder in a store."""
    found = filesystem.get_file_info(pafs.FileSelector(location.base, recursive=True))
    return [
        SourceFile(info.path, posixpath.relpath(info.path, location.base), info.size)
        for info in found
        if info.type == pafs.FileType.File
    ]


def _list_local(location: Location, policy: SourcePolicy) -> Iterator[SourceFile]:
    base = Path(location.base)
    if location.pattern is None and not base.is_dir():
        yield _local_file(base, base.name)
        return
    entries = _Entries(location, policy.limits.entries)
    yield from _walk(entries, policy, parts=(), visited=set())


@dataclass
class _Entries:
    """The entries that a walk has looked at, and the most that it may."""

    location: Location
    limit: int
    count: int = 0
    real_paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def real_path(self, folder: str, name: str) -> str:
        """The real path of an entry of a real folder; loops of links lead to the same ones again."""
        key = (folder, name)
        if key not in self.real_paths:
            self.real_paths[key] = os.path.realpath(f"{folder}/{name}")
        return self.real_paths[key]

    def of_folder(self, folder: Path) -> list[os.DirEntry[str]]:
        """The entries of a folder by name, not more of them than the walk may still look at."""
        what = f"files and folders at ‘{self.location.uri}’"
        with os.scandir(folder) as entries:
            found = list(at_most(entries, self.limit, what, SMALLER_FOLDER, already=self.count))
        self.count += len(found)
        return sorted(found, key=lambda entry: entry.name)


def _walk(
    entries: _Entries,
    policy: SourcePolicy,
    parts: tuple[str, ...],
    visited: set[str],
    real_folder: str = "",
) -> Iterator[SourceFile]:
    """List a folder; follow symlinks inside the roots, and each real folder once per branch."""
    location = entries.location
    refuse_more(f"folders within folders at ‘{location.uri}’", len(parts), MOST_LEVELS, "")
    folder = Path(location.base, *parts)
    real_folder = real_folder or os.path.realpath(folder)
    if real_folder in visited:
        return
    for child in _children(entries, folder, parts):
        below = (*parts, child.name)
        if not _may_matter(location, below):
            continue
        real_child = entries.real_path(real_folder, child.name) if child.is_symlink() else None
        _refuse_escape(real_child, "/".join(below), policy)
        if child.is_dir():
            real_below = real_child or f"{real_folder}/{child.name}"
            yield from _walk(entries, policy, below, visited | {real_folder}, real_below)
        elif _is_wanted(location, below):
            yield _local_file(folder / child.name, "/".join(below))


def _children(entries: _Entries, folder: Path, parts: tuple[str, ...]) -> list[os.DirEntry[str]]:
    """The entries of a folder by name, without the ignored ones."""
    found = entries.of_folder(folder)
    uri = entries.location.uri
    refuse_lake_folder(folder, "/".join(parts) or uri, [entry.name for entry in found])
    return [entry for entry in found if not is_ignored(entry.name)]


def _refuse_escape(real_path: str | None, name: str, policy: SourcePolicy) -> None:
    """Refuse a link by what it leads to; None is no link."""
    if real_path is not None and not is_under_roots(real_path, policy):
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
