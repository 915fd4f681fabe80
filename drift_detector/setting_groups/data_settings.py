"""The places of tenants' data, and the secrets of object stores."""

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from algorithms.reading_limits import (
    MAX_BASELINE_BYTES,
    MAX_REFERENCE_ROWS,
    STREAM_BYTES,
)
from drift_detector.setting_groups.group import (
    LONGEST_SLUG,
    SLUG,
    TENANT,
    AbsoluteFolder,
    Endpoint,
    Group,
    Positive,
    SecretReference,
    StorePrefix,
)

SECRETS_OF_STORES = {
    "s3": ({"access_key", "secret_key"}, {"session_token"}),
    "abfs": ({"account_key"}, set[str]()),
}
"""The secrets that a connection to each kind of store needs, and those that it may have."""


class ConnectionSetting(Group):
    """The way to the stores below a prefix, as `monitors.sources.Connection` wants it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    store: Annotated[str, Field(pattern=r"^(s3|abfs)://[^/]+(/.*)?$")]
    secrets: dict[str, SecretReference]
    endpoint: Endpoint | None = None
    region: str | None = None
    account: str | None = None

    @model_validator(mode="after")
    def _fit_the_store(self) -> Self:
        scheme, given = self.store.partition("://")[0], set(self.secrets)
        needed, optional = SECRETS_OF_STORES[scheme]
        if not needed <= given <= needed | optional:
            raise ValueError(
                f"needs {' and '.join(sorted(needed))} among its secrets, and no others"
            )
        if (scheme == "abfs") != (self.account is not None):
            raise ValueError("needs an account for abfs://, and only there")
        return self


OF_EACH_TENANT = re.compile(r"vault:\{tenant\}/[^{}]+#[^{}]+")
"""A reference that leads each tenant to a folder of its own; no slug of a tenant leads into another's."""


class StoreCredentialsSetting(Group):
    """Secrets that tenants may name in connections of their own, and the hosts that they are used at."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=LONGEST_SLUG)]
    secrets: dict[str, SecretReference]
    tenants: list[Annotated[str, Field(pattern=f"^{SLUG}$")]] = []
    endpoints: list[Endpoint] = []
    accounts: list[Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")]] = []

    @property
    def scheme(self) -> str:
        """The stores that the secrets open: `s3` or `abfs`."""
        return "abfs" if "account_key" in self.secrets else "s3"

    @model_validator(mode="after")
    def _fit_a_store(self) -> Self:
        needed, optional = SECRETS_OF_STORES[self.scheme]
        if not needed <= set(self.secrets) <= needed | optional:
            raise ValueError("needs access_key and secret_key, or account_key, and no others")
        if (self.scheme == "abfs") != bool(self.accounts):
            raise ValueError("needs accounts with account_key, and only there")
        if self.endpoints and self.scheme == "abfs":
            raise ValueError("needs no endpoints with account_key")
        return self

    @model_validator(mode="after")
    def _keep_tenants_apart(self) -> Self:
        for reference in self.secrets.values():
            if TENANT not in reference and not self.tenants:
                raise ValueError(
                    "needs its tenants, or references vault:{tenant}/path#key that are each tenant's own"
                )
            if TENANT in reference and not OF_EACH_TENANT.fullmatch(reference):
                raise ValueError("must have {tenant} in vault:{tenant}/path#key only")
        return self


class Data(Group):
    allowed_roots: list[AbsoluteFolder] = Field(
        default=[], description="JSON list of folders data may be read from; {tenant} is the slug"
    )
    allowed_object_stores: list[StorePrefix] = Field(
        default=[], description="JSON list of prefixes such as s3://bucket/{tenant}/"
    )
    s3_endpoint: Endpoint | None = Field(
        default=None, description="an S3-compatible store other than AWS: https://host:port"
    )
    s3_region: str | None = Field(
        default=None, description="the region of the S3 buckets; found by itself on AWS"
    )
    azure_account: str | None = Field(
        default=None, description="the storage account that abfs:// URIs are in"
    )
    connections: list[ConnectionSetting] = Field(
        default=[],
        description="JSON list of ways to object stores: name, store, secrets by reference, endpoint",
    )
    store_credentials: list[StoreCredentialsSetting] = Field(
        default=[],
        description="JSON list of what tenants' own connections may name: name, secrets by reference, "
        "tenants, endpoints, accounts",
    )
    secrets_root: AbsoluteFolder | None = Field(
        default=None, description="the folder below which vault:path#key references lie"
    )
    max_window_bytes: Positive = Field(
        default=2**30, description="the most of a window that is held in memory at once"
    )
    stream_bytes: Positive = Field(
        default=STREAM_BYTES,
        description="windows from this size on are streamed and KS is binned, its bound stated",
    )
    part_bytes: Positive = Field(
        default=256 * 2**20,
        description="streamed windows are divided into parts of about this size, one worker each",
    )
    max_reference_rows: Positive = Field(
        default=MAX_REFERENCE_ROWS,
        description="numeric reference rows that are counted; of more, a uniform sample",
    )
    max_baseline_bytes: Positive = Field(
        default=MAX_BASELINE_BYTES,
        description="sorted reference numbers kept for exact KS; with more, KS is binned",
    )
    baseline_cache_bytes: Positive = Field(
        default=256 * 2**20,
        description="baselines that one process keeps decoded, by their stored size",
    )
    max_columns: Positive = Field(default=10_000, description="the most columns of one file")
    max_row_groups: Positive = Field(
        default=20_000,
        description="the most row groups, or record batches of Arrow, of a window's files",
    )
    max_files: Positive = Field(default=20_000, description="the most files of one dataset")
    max_entries: Positive = Field(
        default=100_000, description="the most files and folders that are looked at to find them"
    )
    max_footer_bytes: Positive = Field(
        default=64 * 2**20,
        description="the longest footer of a file, in Parquet and Arrow the place of its schema",
    )
    max_inflated_bytes: Positive = Field(
        default=4 * 2**30,
        description="the most bytes to which a window's files unpack if these are over 100 times "
        "the files; a quarter of it for .csv.gz",
    )
    max_inline_bytes: Positive = Field(
        default=5 * 2**20, description="the largest request body, and so inline current_data"
    )

    @field_validator("store_credentials")
    @classmethod
    def _have_names_of_their_own(
        cls, offers: list[StoreCredentialsSetting]
    ) -> list[StoreCredentialsSetting]:
        if len({each.name for each in offers}) < len(offers):
            raise ValueError("must have each name once")
        return offers
