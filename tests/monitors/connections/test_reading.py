"""Data read by a tenant's own connection: from a real S3 server (moto), and by a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detections.evaluation.run import evaluate_run
from drift_detector.setting_groups.data_settings import StoreCredentialsSetting
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.connections.services import create_connection, remove_connection
from monitors.models import Monitor
from monitors.selectors import get_source_policy
from monitors.sources import SourceUnavailable, UnusableConnection
from tests.factories import make_flights_monitor, make_run, take
from tests.monitors.connections.offered import OFFERED, make_connection
from tests.monitors.sources.test_connections import endpoint, folder, keys, policy, read

__all__ = ["endpoint", "folder", "keys", "policy"]


@pytest.fixture
def tenant_one(
    db: None, endpoint: str, folder: Path, policy: object, override: Callable[..., None]
) -> Tenant:
    """The tenant `one`, to whom the operator offers the key of its bucket at the server."""
    secrets = {"access_key": "vault:{tenant}/s3#id", "secret_key": "vault:{tenant}/s3#secret"}
    offer = StoreCredentialsSetting(name="own", secrets=secrets, endpoints=[endpoint])
    override(
        data={
            "store_credentials": [offer],
            "secrets_root": str(folder / "team"),
            "allowed_object_stores": ["s3://bucket-one", "s3://bucket-two"],
            "s3_endpoint": endpoint,
        }
    )
    return create_tenant(slug="one", name="One")


def test_connection__of_the_tenant__reads_with_its_secret(tenant_one: Tenant) -> None:
    with tenant_scope(tenant_one.id):
        made = create_connection(
            name="Mine", store="s3://bucket-one", credentials="own", by="key:ci"
        )
        assert read("one", get_source_policy()) == ["one"]
        remove_connection(made)
        with pytest.raises(UnusableConnection, match="‘Mine’ was removed"):
            read("one", get_source_policy())


def test_connection__to_anothers_bucket__is_refused_by_the_store(tenant_one: Tenant) -> None:
    """Even where the operator's prefixes are too wide."""
    with tenant_scope(tenant_one.id):
        create_connection(name="Theirs", store="s3://bucket-two", credentials="own", by="key:ci")
        with pytest.raises(SourceUnavailable, match=r"refused .* the connection ‘Theirs’"):
            read("two", get_source_policy())


def test_run__whose_connection_was_removed__ends_with_error_and_its_name(
    in_tenant: Tenant, flights: Path, override: Callable[..., None]
) -> None:
    override(data=OFFERED)
    monitor = make_flights_monitor(flights)
    Monitor.objects.update(current_data_uri="s3://lake/acme/flights")
    remove_connection(make_connection())
    result = evaluate_run(take(make_run(monitor)))
    assert result.verdict == "error"
    assert result.reason == (
        "The connection ‘Lake’ was removed, and no other credentials are used in its place."
    )
