"""S3 against a real HTTP server (moto). For Google and Azure, only the file systems are built."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    SourceLimits,
    SourceNotFound,
    SourcePolicy,
    SourceTooLarge,
    SourceUnavailable,
    UnreadableSource,
    WindowSpec,
    describe,
    read_window,
)
from monitors.sources.filesystems import open_filesystem
from monitors.sources.uris import parse_uri
from tests.monitors.object_stores import ANSWER_SECONDS, checked_signatures, serve_s3
from tests.monitors.sources.conftest import utc

ODD_KEYS = ("data [1].parquet", "a*b.parquet", "100%.parquet", "run[1]/größe.parquet")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serve_s3() as address:
        yield address


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "service")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def policy_for(endpoint: str) -> SourcePolicy:
    return SourcePolicy(
        allowed_object_stores=("s3://lake/mine", "s3://absent", "gs://lake"), s3_endpoint=endpoint
    )


@pytest.fixture(scope="module")
def lake(endpoint: str) -> SourcePolicy:
    store = pafs.S3FileSystem(
        access_key="service",
        secret_key="secret",
        scheme="http",
        endpoint_override=endpoint.removeprefix("http://"),
        region="us-east-1",
        allow_bucket_creation=True,
    )
    store.create_dir("lake")
    for day in (1, 2, 3):
        table = pa.table({"n": [day], "ts": [datetime(2024, 1, day)], "wide": ["x" * 100]})
        pq.write_table(table, f"lake/mine/dt=2024-01-0{day}/x.parquet", filesystem=store)
        with store.open_output_stream(f"lake/mine-too/{day}.csv") as sink:
            pacsv.write_csv(table, sink)
    for name in ("other/dt=2024-02-01/x.parquet", "_temporary/x.parquet"):
        with store.open_output_stream(f"lake/mine/{name}") as sink:
            sink.write(b"not parquet" * 20)
    for key in ODD_KEYS:
        pq.write_table(pa.table({"n": [7]}), f"lake/mine/_odd/{key}", filesystem=store)
    for key in ("table/_delta_log/0.json", "berg/metadata/v1.metadata.json"):
        with store.open_output_stream(f"lake/mine/_lakes/{key}") as sink:
            sink.write(b"{}")
    for key in (
        "table/day=1/x.parquet",
        "table/y.parquet",
        "berg/data/x.parquet",
        "plain/x.parquet",
    ):
        pq.write_table(pa.table({"n": [8]}), f"lake/mine/_lakes/{key}", filesystem=store)
    return policy_for(endpoint)


def test_read_window__s3_file__reads_the_columns_asked_for(lake: SourcePolicy) -> None:
    table = read_window(
        WindowSpec(
            "s3://lake/mine/dt=2024-01-02/x.parquet",
            lake,
            ["n"],
            "ts",
            utc(2024, 1, 2),
            utc(2024, 1, 3),
        )
    )
    assert table.to_pydict() == {"n": [2]}


@pytest.mark.parametrize("pattern", ["dt=*/*.parquet", "dt=2024-01-0[1-3]/x.parquet", "dt=*/**"])
def test_read_window__s3_pattern__reads_its_matches(lake: SourcePolicy, pattern: str) -> None:
    assert read_window(WindowSpec(f"s3://lake/mine/{pattern}", lake, ["n"]))["n"].to_pylist() == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("key", [*ODD_KEYS, "run[1]", "run[1]/*.parquet"])
def test_read_window__s3_key_like_a_pattern__is_found(lake: SourcePolicy, key: str) -> None:
    found = read_window(WindowSpec(f"s3://lake/mine/_odd/{key}", lake))
    assert found.to_pydict() == {"n": [7]}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("table", "Delta Lake"),
        ("table/day=1/x.parquet", "Delta Lake"),
        ("table/day=1/*.parquet", "Delta Lake"),
        ("table/*.parquet", "Delta Lake"),
        ("*/y.parquet", "Delta Lake"),
        ("berg/data/x.parquet", "Apache Iceberg"),
        ("", "Apache"),
    ],
)
def test_read_window__s3_lake_table__is_refused_by_its_name(
    lake: SourcePolicy, place: str, name: str
) -> None:
    with pytest.raises(UnreadableSource, match=f"is a table of {name}"):
        read_window(WindowSpec(f"s3://lake/mine/_lakes/{place}", lake))


def test_read_window__s3_folder_beside_a_lake_table__is_read(lake: SourcePolicy) -> None:
    for place in ("plain", "plain/*.parquet", "p*/x.parquet"):
        found = read_window(WindowSpec(f"s3://lake/mine/_lakes/{place}", lake))
        assert found.to_pydict() == {"n": [8]}


def test_read_window__s3_partitions__other_folders_are_not_opened(lake: SourcePolicy) -> None:
    table = read_window(
        WindowSpec(
            "s3://lake/mine/**/x.parquet", lake, ["n"], "dt", utc(2024, 1, 2), utc(2024, 1, 3)
        )
    )
    assert table.to_pydict() == {"n": [2]}


def test_describe__s3_folder__finds_files_and_partitions(lake: SourcePolicy) -> None:
    found = describe("s3://lake/mine/dt=*/x.parquet", lake)
    assert (found.file_count, found.partition_columns) == (3, ("dt",))
    assert list(found.columns) == ["n", "ts", "wide", "dt"]


def test_read_window__s3_damaged_file__unreadable_rather_than_unavailable(
    lake: SourcePolicy,
) -> None:
    with pytest.raises(UnreadableSource, match=r"‘other/dt=2024-02-01/x\.parquet’"):
        read_window(WindowSpec("s3://lake/mine", lake))


@pytest.mark.parametrize(
    "uri", ["s3://absent/x.csv", "s3://absent", "s3://lake/mine/nothing", "s3://lake/mine/*.csv"]
)
def test_read_window__s3_bucket_or_key_missing__not_found(lake: SourcePolicy, uri: str) -> None:
    with pytest.raises(SourceNotFound):
        read_window(WindowSpec(uri, lake))


@pytest.fixture
def wary(lake: SourcePolicy) -> Iterator[SourcePolicy]:
    """The server checks access keys, and knows none."""
    with checked_signatures(str(lake.s3_endpoint)):
        yield lake


@pytest.mark.parametrize(
    "uri", ["s3://lake/mine", "s3://lake/mine/dt=2024-01-01/x.parquet", "s3://lake/mine/**"]
)
def test_read_window__s3_wrong_credentials__unavailable(wary: SourcePolicy, uri: str) -> None:
    with pytest.raises(SourceUnavailable, match="refused the credentials for"):
        read_window(WindowSpec(uri, wary))


def test_read_window__s3_nobody_listens__unavailable_within_seconds() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match="did not answer"):
            read_window(
                WindowSpec(
                    "s3://lake/mine/x.csv", policy_for(f"http://127.0.0.1:{bound.getsockname()[1]}")
                )
            )
    assert time.monotonic() - started < ANSWER_SECONDS


def test_read_window__s3_host_unknown__unavailable_within_seconds() -> None:
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="did not answer"):
        read_window(WindowSpec("s3://lake/mine/x.csv", policy_for("http://nowhere.invalid")))
    assert time.monotonic() - started < ANSWER_SECONDS


def test_open_filesystem__google__is_built_from_the_service_environment() -> None:
    assert isinstance(
        open_filesystem(parse_uri("gs://lake/x.csv"), SourcePolicy()), pafs.GcsFileSystem
    )


def test_open_filesystem__azure__account_comes_from_the_policy() -> None:
    location = parse_uri("abfs://container/x.csv")
    assert isinstance(
        open_filesystem(location, SourcePolicy(azure_account="acme")), pafs.AzureFileSystem
    )
    with pytest.raises(SourceUnavailable, match="Azure"):
        open_filesystem(location, SourcePolicy())


def test_describe__s3_folder_with_more_files_than_may_be_looked_at__refused(
    lake: SourcePolicy,
) -> None:
    few = replace(lake, limits=SourceLimits(entries=2))
    with pytest.raises(SourceTooLarge, match=r"files below ‘s3://lake/mine’; the limit is 2"):
        describe("s3://lake/mine", few)
