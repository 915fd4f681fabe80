"""The pyarrow file system behind each scheme.

The tests read local files and S3 (against an HTTP server). For `gs` and `abfs` they only test the
construction: no test reads from these stores.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from monitors.sources.local_files import local_filesystem
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import SourceUnavailable
from monitors.sources.uris import Location

CONNECT_TIMEOUT_SECONDS = 2
SILENCE_TIMEOUT_SECONDS = 5
S3_ATTEMPTS = 2


def open_filesystem(location: Location, policy: SourcePolicy) -> pafs.FileSystem:
    """A new file system for one read, because an S3 client does not survive a worker's fork.

    Credentials come from the environment of the service: nothing is taken from the URI.

    Raises:
        SourceUnavailable: If the service has no account for an `abfs` URI.
    """
    return _OPENERS[location.scheme](policy)


def _google(policy: SourcePolicy) -> pafs.FileSystem:
    return pafs.GcsFileSystem(retry_time_limit=timedelta(seconds=SILENCE_TIMEOUT_SECONDS))


def _azure(policy: SourcePolicy) -> pafs.FileSystem:
    if policy.azure_account is None:
        raise SourceUnavailable("The service has no Azure storage account configured.")
    return pafs.AzureFileSystem(account_name=policy.azure_account)


def _s3(policy: SourcePolicy) -> pafs.S3FileSystem:
    """S3 with timeouts: a refusal takes about one second, a silent endpoint about eleven."""
    endpoint = urlsplit(policy.s3_endpoint) if policy.s3_endpoint else None
    return pafs.S3FileSystem(
        scheme=endpoint.scheme if endpoint else "https",
        endpoint_override=endpoint.netloc if endpoint else None,
        region=policy.s3_region or ("us-east-1" if endpoint else None),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        request_timeout=SILENCE_TIMEOUT_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS),
    )


_OPENERS: Mapping[str, Callable[[SourcePolicy], pafs.FileSystem]] = {
    "file": local_filesystem,
    "s3": _s3,
    "gs": _google,
    "abfs": _azure,
}
