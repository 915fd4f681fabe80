"""The files that a location stands for."""

import os
import posixpath
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow.fs as pafs

from monitors.sources.lake_formats import (
    refuse_lake_folder,
    refuse_lake_keys,
    refuse_local_lake,
    refuse_stored_lake,
)
from monitors.sources.local_files import roots_of
from monitors.sources.local_roots import Found, LocalRoots
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import (
    LeadsOutside,
    SourceNotFound,
    UnreadableSource,
    to_source_error,
    translated,
)
from monitors.sources.source_limits import MOST_LEVELS, at_most, refuse_more
from monitors.sources.uris import Location

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
    """The files of a single file, a folder or a pattern, ordered by name.

    Names that start with `.` or `_` are ignored below the folder or the fixed part of the pattern,
    as pyarrow does; `_key=value` is the folder of a partition. Links beneath the roots are followed,
    and a folder is visited once, however many links lead to it.

    Raises:
        SourceNotFound: If there is no file.
        ForbiddenUri: If a local symlink leads outside the allowed roots.
        UnreadableSource: If a folder may not be listed, an entry is a pipe or device, or the files
            belong to a table of a lake format.
    """
    with translated(location.uri):
        files = sorted(_list(location, filesystem, policy), key=lambda file: file.name)
    if not files:
        raise _nothing_at(location)
    return files


def _list(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> list[SourceFile]:
    if location.is_local:
        return _list_local(location, roots_of(filesystem), policy.limits.entries)
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
) -> list[SourceFile]:
    files = _stored_files(location, filesystem, policy)
    refuse_stored_lake(location, filesystem, policy)
    return files


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


def _list_local(location: Location, roots: LocalRoots, limit: int) -> list[SourceFile]:
    refuse_local_lake(location, roots)
    if location.pattern is None and not roots.is_folder(location.base):
        name = posixpath.basename(location.base)
        with translated(name), roots.look(location.base) as found:
            return [_file_of(found.path, name, found.status)]
    # A pattern can match a file by the name of a link and by its own: it is read once.
    files = {file.path: file for file in reversed(list(_Walk(location, roots, limit).files()))}
    return list(files.values())


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that the walk has still to look into, and its path below the user's folder."""

    path: str
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """A walk through a folder: real folders first, then those that only links lead to.

    Attributes:
        limit: The most entries that it may look at.
        count: Those that it has looked at.
        visited: The folders that it has been in, each with the parts of the pattern that its path
            has matched: one visit for each finds all there is.
        folders: The folders that are next.
        links: The folders that are looked into when there are no others.
    """

    location: Location
    roots: LocalRoots
    limit: int
    count: int = 0
    visited: set[tuple[int, int, frozenset[int]]] = field(default_factory=set)
    folders: deque[_Folder] = field(default_factory=deque)
    links: deque[_Folder] = field(default_factory=deque)

    def files(self) -> Iterator[SourceFile]:
        """The files that the location stands for."""
        self.folders.append(_Folder(self.location.base))
        while self.folders or self.links:
            folder = (self.folders or self.links).popleft()
            yield from self._look_into(folder)

    def _look_into(self, folder: _Folder) -> Iterator[SourceFile]:
        uri = self.location.uri
        refuse_more(f"folders within folders at ‘{uri}’", len(folder.parts), MOST_LEVELS, "")
        name = "/".join(folder.parts) or uri
        with translated(name), self.roots.folder(folder.path) as found:
            if self._is_new(found, folder.parts):
                for entry in self._entries(found, name):
                    yield from self._look_at(found, entry, (*folder.parts, entry.name))

    def _is_new(self, folder: Found, parts: Sequence[str]) -> bool:
        """True if the folder has not been visited with the same parts of the pattern before it."""
        pattern, status = self.location.pattern, folder.status
        matched = frozenset(pattern.positions(parts)) if pattern else frozenset[int]()
        visit = (status.st_dev, status.st_ino, matched)
        is_new = visit not in self.visited
        self.visited.add(visit)
        return is_new

    def _entries(self, folder: Found, name: str) -> list[os.DirEntry[str]]:
        """The entries by name without the ignored ones, as many as the walk may still look at."""
        what = f"files and folders at ‘{self.location.uri}’"
        with os.scandir(folder.descriptor) as entries:
            found = list(at_most(entries, self.limit, what, SMALLER_FOLDER, already=self.count))
        self.count += len(found)
        refuse_lake_folder(self.roots, folder.path, name, [entry.name for entry in found])
        kept = (entry for entry in found if not is_ignored(entry.name))
        return sorted(kept, key=lambda entry: entry.name)

    def _look_at(
        self, folder: Found, entry: os.DirEntry[str], parts: tuple[str, ...]
    ) -> Iterator[SourceFile]:
        path = f"{folder.path.rstrip('/')}/{entry.name}"
        if not _may_matter(self.location, parts):
            return
        if entry.is_symlink():
            yield from self._follow(path, parts)
        elif entry.is_dir(follow_symlinks=False):
            self.folders.append(_Folder(path, parts))
        elif _is_wanted(self.location, parts):
            yield _file_of(path, "/".join(parts), entry.stat(follow_symlinks=False))

    def _follow(self, path: str, parts: tuple[str, ...]) -> Iterator[SourceFile]:
        """The file behind a link; a folder behind one waits for its turn."""
        name, is_wanted = "/".join(parts), _is_wanted(self.location, parts)
        try:
            with self.roots.look(path) as found:
                real_path, status = found.path, found.status
        except OSError as error:
            if is_wanted or isinstance(error, LeadsOutside):
                raise to_source_error(error, name) from error
            return
        if stat.S_ISDIR(status.st_mode):
            self.links.append(_Folder(real_path, parts))
        elif is_wanted:
            yield _file_of(path, name, status)


def _may_matter(location: Location, parts: Sequence[str]) -> bool:
    pattern = location.pattern
    return pattern is None or pattern.matches(parts) or pattern.may_match_below(parts)


def _file_of(path: str, name: str, status: os.stat_result) -> SourceFile:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableSource(f"‘{name}’ is not a regular file.")
    return SourceFile(path, name, status.st_size)
