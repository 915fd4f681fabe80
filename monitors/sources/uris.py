"""Turn the URI that a tenant wrote into a location that the service may open.

The URI is parsed here and never handed to pyarrow. Its own parser honours `?endpoint_override=` and
userinfo, so a tenant could send the service's signed request to a host of their choice.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from monitors.sources.globs import PathPattern, has_magic
from monitors.sources.local_roots import real_roots, root_of
from monitors.sources.placeholders import is_filled
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import ForbiddenUri

LOCAL = "file"
OBJECT_STORES = ("s3", "gs", "abfs")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Location:
    """A place to read from.

    Attributes:
        uri: The user's own text, for error messages.
        scheme: `file`, `s3`, `gs` or `abfs`.
        base: The part without a pattern, as pyarrow's file system of that scheme names it:
            `/folder` or `bucket/key`.
        pattern: The pattern below `base`; None if the URI names one file or folder.
    """

    uri: str
    scheme: str
    base: str
    pattern: PathPattern | None = None

    @property
    def is_local(self) -> bool:
        """True if it is on a disk of the service and not in an object store."""
        return self.scheme == LOCAL


def resolve_uri(uri: str, policy: SourcePolicy) -> Location:
    """Parse a URI and check it against the policy.

    A local base is returned with its symlinks resolved; `local_roots` opens it without following one.
    A local name that exists is that name, not a pattern.

    Raises:
        ForbiddenUri: If the URI is malformed or not under an allowed root or prefix. The sentence
            is the same for files that exist and files that do not.
    """
    location = parse_uri(uri)
    if location.is_local:
        existing = _without_existing_names(location)
        resolved = replace(existing, base=os.path.realpath(existing.base))
        if root_of(resolved.base, real_roots(policy)) is not None:
            return resolved
    elif _is_under_stores(location, policy):
        return location
    raise ForbiddenUri(
        f"‘{uri}’ is outside the folders and object stores that this tenant may read."
    )


def _without_existing_names(location: Location) -> Location:
    """The location, its base extended by the names of its pattern that exist as they are."""
    if location.pattern is None:
        return location
    base, segments = Path(location.base), location.pattern.segments
    while segments and os.path.lexists(base / segments[0]):
        base, segments = base / segments[0], segments[1:]
    return replace(location, base=str(base), pattern=PathPattern(segments) if segments else None)


def _is_under_stores(location: Location, policy: SourcePolicy) -> bool:
    stores = filter(is_filled, policy.allowed_object_stores)
    return any(is_under_store(location, store) for store in stores)


def is_allowed(location: Location, folder: str, policy: SourcePolicy) -> bool:
    """True if the policy allows a folder of the location's object store."""
    return _is_under_stores(replace(location, base=folder), policy)


def is_under_store(location: Location, store: str) -> bool:
    """True if the location starts with all segments of the allowed prefix."""
    scheme, _, prefix = store.partition("://")
    allowed = prefix.rstrip("/").split("/")
    wanted = location.base.split("/")
    return scheme == location.scheme and wanted[: len(allowed)] == allowed


def parse_uri(uri: str) -> Location:
    """Parse a URI or an absolute path, without a check of the policy.

    A `?` is a pattern in a plain path. After a scheme it starts a query string, which is refused.
    Keys in object stores are taken as they are written; `file://` paths are percent-decoded.

    Raises:
        ForbiddenUri: If it is relative, of another scheme, or has a query, fragment, user, port
            or `..`.
    """
    _refuse_odd_characters(uri)
    scheme = _SCHEME.fullmatch(uri)
    if scheme is None:
        return _local(uri, uri)
    name, rest = scheme[1].lower(), scheme[2]
    _refuse_unknown_scheme(name)
    _refuse_incomplete(uri, name, rest)
    authority, slash, path = rest.removeprefix("//").partition("/")
    _refuse_credentials(name, authority)
    _refuse_query(uri, rest)
    if name == LOCAL:
        return _local_uri(uri, authority, slash + path)
    return _object_store(uri, name, authority, path)


def _refuse_unknown_scheme(name: str) -> None:
    if name not in (LOCAL, *OBJECT_STORES):
        raise ForbiddenUri(
            f"The scheme ‘{name}’ is not supported; "
            "use a local path, file://, s3://, gs:// or abfs://."
        )


def _refuse_incomplete(uri: str, name: str, rest: str) -> None:
    if not rest.startswith("//"):
        raise ForbiddenUri(f"‘{uri}’ is incomplete: two slashes must follow ‘{name}:’.")


def _refuse_credentials(name: str, authority: str) -> None:
    if "@" in authority or ":" in authority:
        raise ForbiddenUri(f"A user, password or port may not follow ‘{name}://’.")


def _refuse_query(uri: str, rest: str) -> None:
    if "?" in rest or "#" in rest:
        raise ForbiddenUri(
            f"‘{uri}’ has a ‘?’ or ‘#’; queries and fragments are refused. "
            "In a pattern use ‘*’ or ‘[..]’; in a file:// URI write %3F and %23."
        )


def _refuse_odd_characters(uri: str) -> None:
    try:
        uri.encode()
    except UnicodeEncodeError:
        raise ForbiddenUri("The URI holds characters that are not valid Unicode.") from None
    if _CONTROL.search(uri):
        raise ForbiddenUri("The URI holds a NUL byte or another control character.")


def _local_uri(uri: str, authority: str, path: str) -> Location:
    if authority:
        raise ForbiddenUri(
            f"‘{uri}’ names a host; a file URI has three slashes, "
            "as in file:///folder/file.parquet."
        )
    decoded = unquote(path)
    _refuse_odd_characters(decoded)
    return _local(uri, decoded)


def _local(uri: str, path: str) -> Location:
    if not path.startswith("/"):
        raise ForbiddenUri(f"‘{uri}’ is not absolute: a local path starts with ‘/’.")
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    _refuse_parent(uri, segments)
    fixed, pattern = _split_pattern(segments)
    return Location(uri=uri, scheme=LOCAL, base="/" + "/".join(fixed), pattern=pattern)


def _refuse_parent(uri: str, segments: list[str]) -> None:
    if ".." in segments:
        raise ForbiddenUri(f"‘{uri}’ has a ‘..’, which is refused.")


def _object_store(uri: str, scheme: str, bucket: str, path: str) -> Location:
    _refuse_bad_bucket(scheme, bucket)
    key = path.removesuffix("/")
    segments = key.split("/") if key else []
    _refuse_odd_segments(uri, segments)
    fixed, pattern = _split_pattern(segments)
    return Location(uri=uri, scheme=scheme, base="/".join([bucket, *fixed]), pattern=pattern)


def _refuse_odd_segments(uri: str, segments: list[str]) -> None:
    if {"", ".", ".."} & set(segments):
        raise ForbiddenUri(f"‘{uri}’ has an empty, ‘.’ or ‘..’ segment, which is refused.")


def _refuse_bad_bucket(scheme: str, bucket: str) -> None:
    if not _BUCKET.fullmatch(bucket) or (scheme == "abfs" and "." in bucket):
        raise ForbiddenUri(
            f"‘{bucket}’ is not the name of a bucket, as in {scheme}://bucket/folder/file.parquet."
        )


def _split_pattern(segments: list[str]) -> tuple[list[str], PathPattern | None]:
    first = next((index for index, segment in enumerate(segments) if has_magic(segment)), None)
    if first is None:
        return segments, None
    return segments[:first], PathPattern(tuple(segments[first:]))
