"""List what lies in a folder or under a prefix, for people who point at data."""

import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.fs as pafs

from algorithms.storable_text import is_storable
from monitors.sources.connections import named
from monitors.sources.filesystems import connection_of, open_filesystem
from monitors.sources.listing import is_ignored
from monitors.sources.local_roots import Found, LocalRoots
from monitors.sources.placeholders import is_filled
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import ForbiddenUri, translated
from monitors.sources.uris import Location, resolve_uri

MOST_SHOWN = 500
MOST_LOOKED_AT = 20_000
"""Of a folder with more entries, the first that the disk names are looked at."""


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """A file or a folder in a place.

    Attributes:
        name: Its name in the place.
        place: The URI by which it is read.
        is_folder: True for a folder, or a prefix of an object store.
        size: Bytes of a file; None for a folder.
    """

    name: str
    place: str
    is_folder: bool
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a prefix with what lies in it.

    Attributes:
        place: Its URI; empty for the list of all places that may be read.
        parent: The URI of the place around it; None where that may not be read.
        entries: Folders first, by name.
        is_cut: True if there are more.
    """

    place: str
    parent: str | None
    entries: tuple[PlaceEntry, ...]
    is_cut: bool = False


def list_place(uri: str, policy: SourcePolicy) -> Place:
    """The files and folders of a place, not of those below it; without a URI, the roots of the policy.

    Hidden names are left out, and links that lead out of the roots. The only root stands for the list of roots.

    Raises:
        ForbiddenUri: If the place is outside the roots, or a pattern.
        SourceError: Another subclass, if it is no folder or can't be listed.
    """
    roots = list(_roots(policy))
    if not uri and len(roots) != 1:
        return Place("", None, tuple(roots))
    place = uri or roots[0].place
    location = resolve_uri(place, policy)
    if location.pattern is not None:
        raise ForbiddenUri(f"‘{place}’ is a pattern; name a folder to look into.")
    with named(connection_of(location, policy)), translated(place):
        found = list(islice(_entries(place, location, policy), MOST_LOOKED_AT))
    found.sort(key=lambda entry: (not entry.is_folder, entry.name))
    is_cut = len(found) > MOST_SHOWN or len(found) == MOST_LOOKED_AT
    return Place(place, _parent(place, policy, roots), tuple(found[:MOST_SHOWN]), is_cut)


def _roots(policy: SourcePolicy) -> Iterator[PlaceEntry]:
    for place in (*policy.allowed_roots, *policy.allowed_object_stores):
        if is_filled(place) and (not place.startswith("/") or Path(place).is_dir()):
            yield PlaceEntry(place, _without_end(place), is_folder=True)


def _without_end(place: str) -> str:
    return place.rstrip("/") or "/"


def _parent(place: str, policy: SourcePolicy, roots: list[PlaceEntry]) -> str | None:
    """The place around one; the list of roots around a root."""
    if _without_end(place) in [root.place for root in roots]:
        return "" if len(roots) > 1 else None
    parent = posixpath.dirname(_without_end(place))
    try:
        resolve_uri(parent, policy)
    except ForbiddenUri:
        return None
    return parent


def _entries(place: str, location: Location, policy: SourcePolicy) -> Iterator[PlaceEntry]:
    listed = _local(location, policy) if location.is_local else _stored(location, policy)
    base = place if not location.is_local or place.startswith("/") else location.base
    for name, is_folder, size in listed:
        if not is_ignored(name) and is_storable(name):
            child = f"{base.rstrip('/')}/{name}"
            yield PlaceEntry(name, child, is_folder, None if is_folder else size)


def _local(location: Location, policy: SourcePolicy) -> Iterator[tuple[str, bool, int]]:
    roots = LocalRoots(policy)
    with roots.folder(location.base) as folder, os.scandir(folder.descriptor) as entries:
        for entry in entries:
            found = _status(roots, folder, entry)
            is_folder = found is not None and stat.S_ISDIR(found.st_mode)
            if found is not None and (is_folder or stat.S_ISREG(found.st_mode)):
                yield entry.name, is_folder, found.st_size


def _status(roots: LocalRoots, folder: Found, entry: os.DirEntry[str]) -> os.stat_result | None:
    """The kind of an entry or of its link's target; none for a link that leads nowhere, or out of the roots."""
    if not entry.is_symlink():
        return entry.stat(follow_symlinks=False)
    try:
        with roots.look(f"{folder.path}/{entry.name}") as found:
            return found.status
    except OSError:
        return None


def _stored(location: Location, policy: SourcePolicy) -> Iterator[tuple[str, bool, int]]:
    filesystem = open_filesystem(location, policy)
    for info in filesystem.get_file_info(pafs.FileSelector(location.base, recursive=False)):
        yield info.base_name, info.type == pafs.FileType.Directory, info.size or 0
