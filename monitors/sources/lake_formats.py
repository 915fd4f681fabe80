"""Refuse tables of a lake format, whose own log says which of their files are live."""

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pyarrow.fs as pafs

from monitors.sources.local_roots import LocalRoots
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import UnreadableSource
from monitors.sources.uris import Location, is_allowed

MARKERS = {"_delta_log": "Delta Lake", ".hoodie": "Apache Hudi"}
"""Entries of a folder that only a table of this format has."""
ICEBERG = "Apache Iceberg"
METADATA = "metadata"

_ICEBERG_FILE = re.compile(r".*\.metadata\.json(\.gz)?|version-hint\.text", re.DOTALL)


class Named(Protocol):
    """A file with its path below the user's folder."""

    @property
    def name(self) -> str: ...


def refuse_lake_folder(roots: LocalRoots, folder: str, name: str, entries: Collection[str]) -> None:
    """Refuse a local folder whose entries are those of a table.

    Args:
        roots: The roots beneath which it lies.
        folder: The folder.
        name: The name that the error gives it.
        entries: The names in it.

    Raises:
        UnreadableSource: If it is a table.
    """
    for marker, lake_format in MARKERS.items():
        if marker in entries:
            raise _is_table(name, lake_format, marker)
    inside = roots.names_in(f"{folder}/{METADATA}") if METADATA in entries else []
    if any(map(_ICEBERG_FILE.fullmatch, inside)):
        raise _is_table(name, ICEBERG, METADATA)


def refuse_local_lake(location: Location, roots: LocalRoots) -> None:
    """Refuse a local file, folder or pattern inside a table.

    Raises:
        UnreadableSource: If a folder above it, as far as the policy allows, is a table.
    """
    for folder in map(str, Path(location.base).parents):
        if not roots.holds(folder):
            return
        refuse_lake_folder(roots, folder, location.uri, _markers_in(roots, folder))


def _markers_in(roots: LocalRoots, folder: str) -> list[str]:
    return [name for name in (*MARKERS, METADATA) if roots.is_folder(f"{folder}/{name}")]


def refuse_lake_keys(location: Location, chosen: Iterable[Named], keys: Iterable[str]) -> None:
    """Refuse files of an object store that a table among its keys holds.

    Args:
        location: The place that the user named.
        chosen: The files that would be read.
        keys: All keys below the place.

    Raises:
        UnreadableSource: If one of the files is in a table.
    """
    tables = dict(filter(None, map(_table_of_key, keys)))
    for file in chosen:
        for folder in _folders_above(file.name):
            if folder in tables:
                raise _is_table(folder or location.uri, *tables[folder])


def _table_of_key(key: str) -> tuple[str, tuple[str, str]] | None:
    """The folder of the table that a key shows, with the format and the marker."""
    segments = key.split("/")
    for position, segment in enumerate(segments[:-1]):
        if segment in MARKERS:
            return "/".join(segments[:position]), (MARKERS[segment], segment)
    if METADATA in segments[-2:-1] and _ICEBERG_FILE.fullmatch(segments[-1]):
        return "/".join(segments[:-2]), (ICEBERG, METADATA)
    return None


def _folders_above(key: str) -> Iterator[str]:
    """The folders that hold a key, the nearest first; an empty text is the place itself."""
    while key:
        key = posixpath.dirname(key)
        yield key


def refuse_stored_lake(
    location: Location, filesystem: pafs.FileSystem, policy: SourcePolicy
) -> None:
    """Refuse a place in an object store that lies inside a table.

    Raises:
        UnreadableSource: If a folder above it, as far as the policy allows, is a table.
    """
    folder = posixpath.dirname(location.base)
    while folder and is_allowed(location, folder, policy):
        for marker, lake_format in _stored_tables(folder, filesystem):
            raise _is_table(location.uri, lake_format, marker)
        folder = posixpath.dirname(folder)


def _stored_tables(folder: str, filesystem: pafs.FileSystem) -> Iterator[tuple[str, str]]:
    """The markers of tables in a folder of a store, with their formats."""
    try:
        names = _present(folder, (*MARKERS, METADATA), filesystem)
        inside = _stored_names(f"{folder}/{METADATA}", filesystem) if METADATA in names else []
    except OSError:
        # Credentials for a folder need not allow a look at the folder above it.
        return
    yield from ((marker, found) for marker, found in MARKERS.items() if marker in names)
    if any(map(_ICEBERG_FILE.fullmatch, inside)):
        yield METADATA, ICEBERG


def _present(folder: str, names: Iterable[str], filesystem: pafs.FileSystem) -> set[str]:
    """The names that a folder of a store has, asked for at once."""
    found = filesystem.get_file_info([f"{folder}/{name}" for name in names])
    return {info.base_name for info in found if info.type != pafs.FileType.NotFound}


def _stored_names(folder: str, filesystem: pafs.FileSystem) -> list[str]:
    found = filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    return [info.base_name for info in found]


def _is_table(name: str, lake_format: str, marker: str) -> UnreadableSource:
    return UnreadableSource(
        f"‘{name}’ is a table of {lake_format}, as its ‘{marker}’ shows: only the table's log says "
        "which files are live, so they are not read as loose files. Export it to a folder of files."
    )
