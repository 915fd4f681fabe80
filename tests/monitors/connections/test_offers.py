"""What tenants may state themselves, and what becomes of a connection when the operator withdraws it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from drift_detector.setting_groups.data_settings import ConnectionSetting
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.connections.services import (
    MOST_CONNECTIONS,
    ConnectionRemoved,
    remove_connection,
    update_connection,
)
from monitors.models import StoreConnection
from monitors.selectors import get_source_policy
from monitors.sources import (
    Connection,
    SourcePolicy,
    UnusableConnection,
    parse_uri,
    resolve_uri,
)
from monitors.sources.filesystems import connection_of, open_filesystem
from tests.conftest import connected_as, role_url
from tests.monitors.connections.offered import INSIDE, LAKE, OFFERED, make_connection

OPERATORS = ConnectionSetting(
    name="all",
    store="s3://lake/{tenant}",
    secrets={"access_key": "env:A", "secret_key": "env:B"},
)
"""The operator's own way to the places of all tenants."""


@pytest.fixture(autouse=True)
def offered(override: Callable[..., None]) -> None:
    override(data=OFFERED)


def way_to(uri: str) -> Connection | None:
    return connection_of(parse_uri(uri), get_source_policy())


def refusal_of(uri: str) -> str:
    policy: SourcePolicy = get_source_policy()
    with pytest.raises(UnusableConnection) as caught:
        open_filesystem(parse_uri(uri), policy)
    assert not caught.value.is_transient
    return caught.value.reason


def test_connection__of_a_tenant__has_the_references_of_its_own_folder(in_tenant: Tenant) -> None:
    make_connection(region="eu-west-1")
    way = way_to("s3://lake/acme/day=1")
    assert way is not None
    assert way.secrets == {
        "access_key": "vault:acme/lake#id",
        "secret_key": "vault:acme/lake#secret",
    }
    assert (way.endpoint, way.region, way.account) == (None, "eu-west-1", None)


def test_connection__of_azure__takes_the_only_account(in_tenant: Tenant) -> None:
    made = make_connection(store="abfs://blobs/acme/", credentials="blobs")
    assert (made.store, made.account) == ("abfs://blobs/acme", "acme")
    way = way_to("abfs://blobs/acme/x.parquet")
    assert way is not None
    assert (way.account, way.secrets) == ("acme", {"account_key": "env:BLOBS_OF_ACME"})


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"credentials": "rivals"}, "credentials", "offered by the operator: lake, blobs, inside"),
        ({"credentials": "env:AUMOS_DRIFT_SECRET_KEY"}, "credentials", "offered by the operator"),
        ({"credentials": "vault:rival/lake#id"}, "credentials", "offered by the operator"),
        ({"store": "s3://lake/rival"}, "store", "outside"),
        ({"store": "s3://lake"}, "store", "outside"),
        ({"store": "s3://lake/acme/../rival"}, "store", "refused"),
        ({"store": "s3://lake/acme?endpoint_override=evil"}, "store", "refused"),
        ({"store": "s3://lake/acme/{tenant}"}, "store", "without a pattern"),
        ({"store": "s3://lake/acme/*"}, "store", "without a pattern"),
        ({"store": "/data"}, "store", "begin with s3:// or abfs://"),
        ({"store": "gs://lake/acme"}, "store", "begin with s3:// or abfs://"),
        ({"store": "abfs://blobs/acme"}, "store", "begin with s3:// for these"),
        ({"endpoint": "http://169.254.169.254"}, "endpoint", "there are none"),
        ({"credentials": "inside"}, "endpoint", "http://one:9000, http://two:9000"),
        ({"credentials": "inside", "endpoint": "http://one:9001"}, "endpoint", "must be allowed"),
        ({"account": "evil"}, "account", "there are none"),
        ({"credentials": "blobs", "store": "abfs://blobs/acme", "account": "evil"}, "account", "acme"),
        ({"credentials": "blobs", "store": "abfs://blobs/acme", "region": "eu"}, "region", "empty"),
    ],
)  # fmt: skip
def test_connection__with_what_the_operator_does_not_offer__is_refused(
    in_tenant: Tenant, fields: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        make_connection(**fields)
    assert words in caught.value.message_dict[field][0]
    assert not StoreConnection.objects.exists()


def test_connection__that_was_removed__is_named_and_no_other_is_used(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(data={"connections": [OPERATORS]})
    remove_connection(make_connection())
    assert refusal_of("s3://lake/acme/x.csv") == (
        "The connection ‘Lake’ was removed, and no other credentials are used in its place."
    )


@pytest.mark.parametrize(
    ("offers", "words"),
    [
        ([], "credentials must be offered by the operator: there are none."),
        ([LAKE.model_copy(update={"tenants": ["rival"]})], "credentials must be offered"),
        ([LAKE.model_copy(update={"endpoints": ["http://two:9000"]})], "endpoint must be allowed"),
    ],
)
def test_connection__whose_offer_was_withdrawn__is_used_no_longer(
    in_tenant: Tenant, override: Callable[..., None], offers: list[Any], words: str
) -> None:
    make_connection()
    override(data={"store_credentials": offers})
    found = refusal_of("s3://lake/acme/x.csv")
    assert found.startswith("The connection ‘Lake’ can't be used: ")
    assert words in found


def test_connection__removed_twice__goes_on_to_refuse(in_tenant: Tenant) -> None:
    made = make_connection()
    remove_connection(made)
    remove_connection(made)
    assert StoreConnection.objects.get().removed_at is not None


def test_connection__changed_by_who_has_not_seen_its_end__stays_removed(in_tenant: Tenant) -> None:
    made = make_connection()
    remove_connection(StoreConnection.objects.get())
    with pytest.raises(ConnectionRemoved):
        update_connection(made, name="New")


@pytest.mark.parametrize("uri", ["s3://lake/acme", "s3://lake/*/x.csv", "s3://lake/acm[e]/x.csv"])
def test_open_filesystem__above_a_removed_connection__is_refused(
    in_tenant: Tenant, override: Callable[..., None], uri: str
) -> None:
    override(data=OFFERED | {"allowed_object_stores": ["s3://lake"]})
    remove_connection(make_connection(store="s3://lake/acme/private"))
    with pytest.raises(UnusableConnection, match="was removed"):
        open_filesystem(resolve_uri(uri, get_source_policy()), get_source_policy())


def test_connection__made_anew_for_the_same_prefix__takes_its_place(in_tenant: Tenant) -> None:
    remove_connection(make_connection())
    make_connection()
    assert StoreConnection.objects.get().removed_at is None


def test_connection__prefix_changed__is_refused(in_tenant: Tenant) -> None:
    made = make_connection()
    with pytest.raises(ValidationError, match="store of a connection cannot be changed"):
        update_connection(made, store="s3://lake/acme/day=1")


@pytest.mark.parametrize(
    ("fields", "field"), [({"name": "Other"}, "store"), ({"store": "s3://lake/acme/b"}, "name")]
)
def test_connection__name_or_prefix_taken__is_refused(
    in_tenant: Tenant, fields: dict[str, str], field: str
) -> None:
    make_connection()
    with pytest.raises(ValidationError) as caught:
        make_connection(**fields)
    assert "must be unique" in caught.value.message_dict[field][0]


def test_connection__one_too_many__is_refused(in_tenant: Tenant) -> None:
    for number in range(MOST_CONNECTIONS):
        make_connection(name=str(number), store=f"s3://lake/acme/{number}")
    with pytest.raises(ValidationError, match="at most 100"):
        make_connection()


def test_connection__own_and_operators_for_the_same_prefix__own_one_wins(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(data={"connections": [OPERATORS]})
    before = way_to("s3://lake/acme/x.csv")
    make_connection(credentials="inside", endpoint=INSIDE.endpoints[1])
    after = way_to("s3://lake/acme/x.csv")
    assert before is not None
    assert after is not None
    assert (before.name, after.name, after.endpoint) == ("all", "Lake", "http://two:9000")


def test_connection__of_another_tenant__is_not_seen(
    in_tenant: Tenant, other_tenant: Tenant
) -> None:
    make_connection()
    with tenant_scope(other_tenant.id):
        assert list(get_source_policy().connections) == []


@pytest.mark.parametrize(
    "statement", ["DELETE FROM drf_connections", "UPDATE drf_connections SET name = 'x'"]
)
def test_connections__workers__read_them_and_write_none(committed: None, statement: str) -> None:
    with connected_as(role_url("app")), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM drf_connections")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(statement)
