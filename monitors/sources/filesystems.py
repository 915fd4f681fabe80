"""The pyarrow file system behind each scheme.

The tests read local files and S3 (against an HTTP server). For `gs` and `abfs` they only test the
construction: no test reads from these stores.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from monitors.sources.connections import (
    ACCESS_KEY,
    ACCOUNT_KEY,
    SECRET_KEY,
    SESSION_TOKEN,
    Connection,
)
from monitors.sources.local_files import local_filesystem
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import SourceUnavailable
from monitors.sources.uris import Location, is_under_store, parse_uri

CONNECT_TIMEOUT_SECONDS = 2
SILENCE_TIMEOUT_SECONDS = 5
S3_ATTEMPTS = 2


def open_filesystem(location: Location, policy: SourcePolicy) -> pafs.FileSystem:
    """A new file system for one read, because an S3 client does not survive a worker's fork.

    The credentials are those of the connection for the location, as they are now; without one, those
    of the service's environment. Nothing is taken from the URI.

    Raises:
        SourceUnavailable: If the connection's secret is missing, or the service has no account for an
            `abfs` URI.
        UnusableConnection: If the connection can't be used.
    """
    _require_none_refused_below(location, policy)
    connection = connection_of(location, policy)
    if connection is not None:
        connection.require_usable()
        return _CONNECTED[location.scheme](connection)
    return _OPENERS[location.scheme](policy)


def _require_none_refused_below(location: Location, policy: SourcePolicy) -> None:
    """Refuse a folder or a pattern that reaches places whose own connection can't be used.

    Raises:
        UnusableConnection: With the sentence of that connection.
    """
    base = f"{location.scheme}://{location.base}"
    for each in policy.connections:
        if each.refusal and each.is_filled and is_under_store(parse_uri(each.store), base):
            each.require_usable()


def connection_of(location: Location, policy: SourcePolicy) -> Connection | None:
    """The connection with the longest prefix that the location is under."""
    fitting = [
        each
        for each in policy.connections
        if each.is_filled and is_under_store(location, each.store)
    ]
    return max(fitting, key=lambda each: len(each.store.rstrip("/")), default=None)


def _google(policy: SourcePolicy) -> pafs.FileSystem:
    return pafs.GcsFileSystem(retry_time_limit=timedelta(seconds=SILENCE_TIMEOUT_SECONDS))


def _azure(policy: SourcePolicy) -> pafs.FileSystem:
    if policy.azure_account is None:
        raise SourceUnavailable("The service has no Azure storage account configured.")
    return pafs.AzureFileSystem(account_name=policy.azure_account)


def _connected_azure(connection: Connection) -> pafs.FileSystem:
    account_key = connection.secret(ACCOUNT_KEY)
    return pafs.AzureFileSystem(account_name=connection.account, account_key=account_key)


def _s3(policy: SourcePolicy) -> pafs.S3FileSystem:
    return _open_s3(policy.s3_endpoint, policy.s3_region)


def _connected_s3(connection: Connection) -> pafs.S3FileSystem:
    names = (name for name in (ACCESS_KEY, SECRET_KEY, SESSION_TOKEN) if name in connection.secrets)
    credentials = {name: connection.secret(name) for name in names}
    return _open_s3(connection.endpoint, connection.region, **credentials)


def _open_s3(endpoint: str | None, region: str | None, **credentials: str) -> pafs.S3FileSystem:
    """S3 with timeouts: a refusal takes about one second, a silent endpoint about eleven."""
    server = urlsplit(endpoint) if endpoint else None
    return pafs.S3FileSystem(
        scheme=server.scheme if server else "https",
        endpoint_override=server.netloc if server else None,
        region=region or ("us-east-1" if server else None),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        request_timeout=SILENCE_TIMEOUT_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS),
        **credentials,
    )


_OPENERS: Mapping[str, Callable[[SourcePolicy], pafs.FileSystem]] = {
    "file": local_filesystem,
    "s3": _s3,
    "gs": _google,
    "abfs": _azure,
}
_CONNECTED: Mapping[str, Callable[[Connection], pafs.FileSystem]] = {
    "s3": _connected_s3,
    "abfs": _connected_azure,
}
