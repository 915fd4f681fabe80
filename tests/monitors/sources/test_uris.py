import os
from pathlib import Path

import pytest

from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import ForbiddenUri
from monitors.sources.uris import parse_uri, resolve_uri

STORES = SourcePolicy(allowed_object_stores=("s3://bucket/tenant-a", "gs://lake"))


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("data/file.parquet", "not absolute"),
        ("", "not absolute"),
        ("/data/../etc/passwd.csv", "‘..’"),
        ("/data/\x00.parquet", "NUL"),
        ("file:///data/%00.parquet", "NUL"),
        ("/data/\ud800.parquet", "Unicode"),
        ("file:/data/x.parquet", "two slashes"),
        ("file://host/data/x.parquet", "three slashes"),
        ("file:///data/%2e%2e/x.parquet", "‘..’"),
        ("http://bucket/x.parquet", "‘http’ is not supported"),
        ("hdfs://bucket/x.parquet", "‘hdfs’ is not supported"),
        ("s3://bucket/x.parquet?endpoint_override=evil.example", "queries"),
        ("s3://bucket/x.parquet#part", "fragments"),
        ("s3://key:secret@bucket/x.parquet", "user, password or port"),
        ("s3://bucket:9000/x.parquet", "user, password or port"),
        ("abfs://container@account.dfs.core.windows.net/x", "user, password or port"),
        ("abfs://evil.example/x", "not the name of a bucket"),
        ("s3://bucket/a/../x.parquet", "‘..’"),
        ("s3://bucket//x.parquet", "segment"),
        ("s3://*/x.parquet", "not the name of a bucket"),
        ("s3:///x.parquet", "not the name of a bucket"),
    ],
)
def test_parse_uri__malformed_or_redirecting__refused_with_a_sentence(
    uri: str, sentence: str
) -> None:
    with pytest.raises(ForbiddenUri) as caught:
        parse_uri(uri)
    assert sentence in caught.value.reason


def test_parse_uri__password_in_uri__is_not_repeated() -> None:
    with pytest.raises(ForbiddenUri) as caught:
        parse_uri("s3://key:secret@bucket/x.parquet?a=b")
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    ("uri", "base", "pattern"),
    [
        ("/data/a.parquet", "/data/a.parquet", None),
        ("/data//a/./b/", "/data/a/b", None),
        ("file:///data/a%20b.csv", "/data/a b.csv", None),
        ("/data/year=202?/*.parquet", "/data", ("year=202?", "*.parquet")),
        ("S3://bucket/a/", "bucket/a", None),
        ("s3://bucket/a/**/x-[0-9].parquet", "bucket/a", ("**", "x-[0-9].parquet")),
        ("gs://bucket", "bucket", None),
    ],
)
def test_parse_uri__supported__splits_base_and_pattern(
    uri: str, base: str, pattern: tuple[str, ...] | None
) -> None:
    location = parse_uri(uri)
    assert location.base == base
    assert (location.pattern.segments if location.pattern else None) == pattern


@pytest.mark.parametrize(
    "uri", ["s3://bucket/tenant-a", "s3://bucket/tenant-a/x/*.csv", "gs://lake/any/where"]
)
def test_resolve_uri__under_an_allowed_prefix__passes(uri: str) -> None:
    assert resolve_uri(uri, STORES).uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/tenant-ab/x.csv",
        "s3://bucket/*/x.csv",
        "s3://bucket",
        "gs://lake2/x",
        "abfs://lake/x",
        "/etc/x.csv",
    ],
)
def test_resolve_uri__outside_the_allowed_prefixes__forbidden(uri: str) -> None:
    with pytest.raises(ForbiddenUri):
        resolve_uri(uri, STORES)


def test_resolve_uri__sibling_with_the_same_prefix__forbidden(tmp_path: Path) -> None:
    policy = SourcePolicy(allowed_roots=(str(tmp_path / "a"),))
    with pytest.raises(ForbiddenUri):
        resolve_uri(str(tmp_path / "ab" / "x.csv"), policy)


def test_resolve_uri__forbidden__same_sentence_whether_or_not_the_file_exists(
    tmp_path: Path,
) -> None:
    policy, path = SourcePolicy(allowed_roots=(str(tmp_path / "mine"),)), tmp_path / "theirs.csv"
    sentences = []
    for text in (None, "a\n1\n"):
        if text:
            path.write_text(text)
        with pytest.raises(ForbiddenUri) as caught:
            resolve_uri(str(path), policy)
        sentences.append(caught.value.reason)
    assert sentences[0] == sentences[1]


def test_resolve_uri__root_is_a_symlink__real_path_is_used(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    location = resolve_uri(
        f"{tmp_path}/link/x.csv", SourcePolicy(allowed_roots=(f"{tmp_path}/link",))
    )
    assert location.base == os.path.realpath(tmp_path / "real" / "x.csv")


def test_resolve_uri__placeholder_not_filled_in__allows_nothing() -> None:
    policy = SourcePolicy(
        allowed_roots=("/data/{tenant}",), allowed_object_stores=("s3://bucket/{tenant}",)
    )
    for uri in ("/data/{tenant}/x.csv", "s3://bucket/{tenant}/x.csv"):
        with pytest.raises(ForbiddenUri):
            resolve_uri(uri, policy)


def test_for_tenant__slug__fills_in_every_entry() -> None:
    policy = SourcePolicy(
        allowed_roots=("/data/{tenant}",), allowed_object_stores=("s3://b/{tenant}/x",)
    )
    mine = policy.for_tenant("acme-1")
    assert (mine.allowed_roots, mine.allowed_object_stores) == (
        ("/data/acme-1",),
        ("s3://b/acme-1/x",),
    )


@pytest.mark.parametrize("slug", ["", "..", "a/b", "a\n", ".a", "{tenant}"])
def test_for_tenant__slug_that_could_escape__refused(slug: str) -> None:
    with pytest.raises(ValueError, match="tenant slug"):
        SourcePolicy(allowed_roots=("/data/{tenant}",)).for_tenant(slug)


def test_source_policy__settings_of_another_shape__refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        SourcePolicy(allowed_roots=("",))
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        SourcePolicy(allowed_object_stores=("bucket/prefix",))
    with pytest.raises(ValueError, match="endpoint"):
        SourcePolicy(s3_endpoint="localhost:9000")
