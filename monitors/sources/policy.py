"""The policy of the service: the folders and stores that a tenant may read."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from monitors.sources.connections import Connection
from monitors.sources.placeholders import fill
from monitors.sources.source_limits import DEFAULT_LIMITS, SourceLimits

GIB = 1 << 30

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_STORE = re.compile(r"(?:s3|gs|abfs)://[^/]+(?:/.*)?")
_ENDPOINT = re.compile(r"https?://[^/@]+/?")


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """The folders and object-store prefixes that may be read, and how their stores are reached.

    Attributes:
        allowed_roots: Absolute folders. An entry may contain `{tenant}`, and allows nothing until
            `for_tenant` fills it in.
        allowed_object_stores: Prefixes such as `s3://bucket/prefix`, with `{tenant}` likewise.
        s3_endpoint: `http(s)://host[:port]` of an S3-compatible server; None means AWS. Credentials
            come from the service's environment, as each vendor's SDK documents.
        max_window_bytes: The most that one window may occupy in memory, in bytes.
        s3_region: Region; with an endpoint and no region, `us-east-1`.
        azure_account: Storage account that every `abfs://container/path` lives in.
        connections: Ways to stores with secrets of their own; other stores are read with the
            credentials of the service's environment.
        limits: The most columns, files and so on that a dataset may have.

    Raises:
        ValueError: If a setting does not have the shape above.
    """

    allowed_roots: tuple[str, ...] = ()
    allowed_object_stores: tuple[str, ...] = ()
    s3_endpoint: str | None = None
    max_window_bytes: int = GIB
    s3_region: str | None = None
    azure_account: str | None = None
    connections: tuple[Connection, ...] = ()
    limits: SourceLimits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        for root in self.allowed_roots:
            _require(Path(root).is_absolute(), "allowed_roots must be absolute paths", root)
        for store in self.allowed_object_stores:
            is_prefix = _STORE.fullmatch(store) is not None
            _require(is_prefix, "allowed_object_stores must be like s3://bucket/prefix", store)
        if self.s3_endpoint is not None:
            is_endpoint = _ENDPOINT.fullmatch(self.s3_endpoint) is not None
            _require(is_endpoint, "s3_endpoint must be like https://host:port", self.s3_endpoint)

    def for_tenant(self, slug: str) -> Self:
        """The same policy with `{tenant}` replaced.

        Raises:
            ValueError: If the slug has characters that could reach another tenant's folder.
        """
        _require(_SLUG.fullmatch(slug) is not None, "slug must be a tenant slug", slug)
        return replace(
            self,
            allowed_roots=_filled(self.allowed_roots, slug),
            allowed_object_stores=_filled(self.allowed_object_stores, slug),
            connections=tuple(each.for_tenant(slug) for each in self.connections),
        )


def _filled(places: tuple[str, ...], slug: str) -> tuple[str, ...]:
    return tuple(fill(place, slug) for place in places)


def _require(condition: bool, rule: str, value: str) -> None:
    if not condition:
        raise ValueError(f"{rule}, not {value!r}")
