"""Two tenants with secrets of their own, against a real S3 server (moto) that checks each signature."""

import json
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest

from monitors.sources import (
    Connection,
    ForbiddenUri,
    SourcePolicy,
    SourceUnavailable,
    WindowSpec,
    read_window,
)
from monitors.sources.secrets import SecretMissing, resolve_secret
from tests.monitors.object_stores import checked_signatures, serve_s3

TENANTS = ("one", "two")
CANARY = "canary-7f3a9"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serve_s3() as address:
        yield address


def _client(endpoint: str, service: str, keys: tuple[str, str] = ("any", "any")) -> "boto3.client":
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
    )


@pytest.fixture(scope="module")
def keys(endpoint: str) -> dict[str, tuple[str, str]]:
    """A user for each tenant, who may read the tenant's own bucket and no other."""
    store, iam = _client(endpoint, "s3"), _client(endpoint, "iam")
    found = {}
    for tenant in TENANTS:
        bucket = f"bucket-{tenant}"
        store.create_bucket(Bucket=bucket)
        store.put_object(Bucket=bucket, Key="x.csv", Body=f"n\n{tenant}\n".encode())
        iam.create_user(UserName=tenant)
        resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        rule = {"Effect": "Allow", "Action": "s3:*", "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [rule]})
        iam.put_user_policy(UserName=tenant, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=tenant)["AccessKey"]
        found[tenant] = (key["AccessKeyId"], key["SecretAccessKey"])
    return found


@pytest.fixture
def folder(tmp_path: Path, keys: dict[str, tuple[str, str]]) -> Path:
    """The secrets as an agent of Vault writes them."""
    for tenant, (access_key, secret_key) in keys.items():
        path = tmp_path / "team" / tenant / "s3"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"id": access_key, "secret": secret_key}))
    return tmp_path


@pytest.fixture
def policy(endpoint: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SourcePolicy]:
    """The service has credentials of its own, with which nothing of the tenants may be read."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "service")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    secrets = {
        "access_key": "vault:team/{tenant}/s3#id",
        "secret_key": "vault:team/{tenant}/s3#secret",
    }
    lake = Connection("lake", "s3://bucket-{tenant}", secrets, endpoint, secrets_root=str(folder))
    with checked_signatures(endpoint):
        yield SourcePolicy(
            allowed_object_stores=("s3://bucket-{tenant}",),
            s3_endpoint=endpoint,
            connections=(lake,),
        )


def read(tenant: str, policy: SourcePolicy) -> list[str]:
    spec = WindowSpec(f"s3://bucket-{tenant}/x.csv", policy)
    return list(read_window(spec)["n"].to_pylist())


@pytest.mark.parametrize("tenant", TENANTS)
def test_connection__of_the_tenant__reads_its_own_bucket(policy: SourcePolicy, tenant: str) -> None:
    assert read(tenant, policy.for_tenant(tenant)) == [tenant]


def test_connection__bucket_of_another_tenant__is_outside(policy: SourcePolicy) -> None:
    with pytest.raises(ForbiddenUri):
        read("two", policy.for_tenant("one"))


def test_connection__own_secret_on_anothers_bucket__store_refuses(policy: SourcePolicy) -> None:
    """Even where the operator's prefixes are too wide, the secret opens the own bucket only."""
    wide = replace(
        policy,
        allowed_object_stores=("s3://bucket-one", "s3://bucket-two"),
        connections=(replace(policy.connections[0], store="s3://bucket-two"),),
    )
    with pytest.raises(SourceUnavailable, match="refused"):
        read("two", wide.for_tenant("one"))


@pytest.mark.parametrize("content", [None, "", "{}", f"[{CANARY}", f'{{"id": ["{CANARY}"]}}'])
def test_connection__secret_missing__says_so_and_uses_no_other(
    policy: SourcePolicy, folder: Path, content: str | None
) -> None:
    path = folder / "team" / "one" / "s3"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(SourceUnavailable, match="‘lake’ has no access key") as caught:
        read("one", policy.for_tenant("one"))
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    assert str(folder) not in caught.value.reason


def test_connection__secret_changed__next_reading_takes_the_new_one(
    policy: SourcePolicy, folder: Path
) -> None:
    mine, path = policy.for_tenant("one"), folder / "team" / "one" / "s3"
    right = path.read_text()
    path.write_text(json.dumps({"id": "AKIAOTHER", "secret": CANARY}))
    with pytest.raises(SourceUnavailable, match=r"refused .* the connection ‘lake’") as caught:
        read("one", mine)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    path.write_text(right)
    assert read("one", mine) == ["one"]


def test_connection__before_the_tenant_is_known__is_not_used(policy: SourcePolicy) -> None:
    literal = replace(policy, allowed_object_stores=("s3://bucket-one",))
    with pytest.raises(SourceUnavailable, match="refused the credentials for"):
        read("one", literal)


def test_connection__longest_prefix__is_taken(policy: SourcePolicy, folder: Path) -> None:
    broken = {"access_key": "env:NO_SUCH", "secret_key": "env:NO_SUCH"}
    wide = replace(policy.connections[0], name="wide", store="s3://bucket-one", secrets=broken)
    near = replace(policy.connections[0], name="near", store="s3://bucket-one/x.csv")
    both = replace(policy, connections=(near, wide))
    assert read("one", both.for_tenant("one")) == ["one"]


def test_resolve_secret__each_kind__is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_KEY_one", "a")
    (tmp_path / "key").write_text("b\n")
    (tmp_path / "team").write_text('{"key": "c"}')
    references = ("env:LAKE_KEY_one", f"file:{tmp_path}/key", "vault:team#key")
    assert [resolve_secret(each, str(tmp_path)) for each in references] == ["a", "b", "c"]
    with pytest.raises(SecretMissing):
        resolve_secret("vault:team#key", None)


@pytest.mark.parametrize(
    "reference",
    [
        "env:AUMOS_DRIFT_SECRET_KEY",
        "env:aumos_drift_secret_key",
        "file:relative",
        "file:/run/../etc/shadow",
        "vault:/etc/shadow#key",
        "vault:a/../../b#key",
        "vault:path",
        CANARY,
    ],
)
def test_connection__reference_to_what_is_no_secret__is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="a secret must") as caught:
        Connection("lake", "s3://lake", {"access_key": reference, "secret_key": "env:KEY"})
    assert CANARY not in str(caught.value)
