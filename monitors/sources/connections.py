"""Named connections: how the object stores below a prefix are reached, and with whose secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from monitors.sources.placeholders import fill, is_filled
from monitors.sources.secrets import SecretMissing, refuse_bad_reference, resolve_secret
from monitors.sources.source_errors import SourceUnavailable, UnusableConnection

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, ACCOUNT_KEY = (
    "access_key",
    "secret_key",
    "session_token",
    "account_key",
)


@dataclass(frozen=True, slots=True)
class Connection:
    """The way to the object stores below a prefix.

    The operator writes it, or a tenant by what the operator offers; a `{tenant}` in the operator's prefix,
    account or reference is the tenant's slug, so that each tenant has a secret of its own. A secret is never
    in it, only the reference to one.

    Attributes:
        name: The name that reasons and messages give it.
        store: The prefix, such as `s3://lake/{tenant}`; the longest that fits is taken.
        secrets: References by the names above: two or three for S3, the account key for Azure.
        endpoint: `http(s)://host[:port]` of an S3-compatible server; None means AWS.
        region: Region of S3; with an endpoint and none, `us-east-1`.
        account: The storage account of Azure.
        secrets_root: The folder below which `vault:` references lie.
        refusal: A sentence that says why it can't be used; empty if it can. Its places are then not read
            with any other credentials.

    Raises:
        ValueError: If a reference is not one.
    """

    name: str
    store: str
    secrets: dict[str, str] = field(hash=False)
    endpoint: str | None = None
    region: str | None = None
    account: str | None = None
    secrets_root: str | None = None
    refusal: str = ""

    def __post_init__(self) -> None:
        for reference in self.secrets.values():
            refuse_bad_reference(reference)

    @property
    def is_filled(self) -> bool:
        """True if no `{tenant}` is left; before, it is not used."""
        return is_filled(self.store, self.account or "", *self.secrets.values())

    def for_tenant(self, slug: str) -> Self:
        """The connection with `{tenant}` replaced by a slug that has been checked."""
        secrets = {name: fill(text, slug) for name, text in self.secrets.items()}
        account = self.account and fill(self.account, slug)
        return replace(self, store=fill(self.store, slug), secrets=secrets, account=account)

    def require_usable(self) -> None:
        """Refuse a connection that can't be used.

        Raises:
            UnusableConnection: With its sentence.
        """
        if self.refusal:
            raise UnusableConnection(self.refusal)

    def secret(self, name: str) -> str:
        """A secret as it is now.

        Raises:
            SourceUnavailable: If there is none. Another's is never taken in its place.
        """
        try:
            return resolve_secret(self.secrets[name], self.secrets_root)
        except SecretMissing:
            raise SourceUnavailable(
                f"The connection ‘{self.name}’ has no {name.replace('_', ' ')}: the operator has to "
                "provide the secret."
            ) from None


@contextmanager
def named(connection: Connection | None) -> Iterator[None]:
    """Let a reason that a store can't be read name the connection that was used."""
    try:
        yield
    except SourceUnavailable as error:
        if connection is None or f"‘{connection.name}’" in error.reason:
            raise
        raise SourceUnavailable(
            f"{error.reason} It is reached by the connection ‘{connection.name}’."
        ) from error
