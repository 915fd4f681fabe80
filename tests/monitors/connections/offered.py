"""What the operator offers in tests, and connections that are made of it."""

from typing import Any

from drift_detector.setting_groups.data_settings import StoreCredentialsSetting
from monitors.connections.services import create_connection
from monitors.models import StoreConnection

LAKE = StoreCredentialsSetting(
    name="lake",
    secrets={"access_key": "vault:{tenant}/lake#id", "secret_key": "vault:{tenant}/lake#secret"},
)
BLOBS = StoreCredentialsSetting(
    name="blobs", secrets={"account_key": "env:BLOBS_OF_ACME"}, tenants=["acme"], accounts=["acme"]
)
RIVALS = StoreCredentialsSetting(
    name="rivals",
    secrets={"access_key": "env:RIVAL_ID", "secret_key": "env:RIVAL_KEY"},
    tenants=["rival"],
)
INSIDE = LAKE.model_copy(
    update={"name": "inside", "endpoints": ["http://one:9000", "http://two:9000"]}
)
OFFERED = {
    "store_credentials": [LAKE, BLOBS, RIVALS, INSIDE],
    "allowed_object_stores": ["s3://lake/{tenant}", "abfs://blobs/{tenant}"],
}


def make_connection(**fields: Any) -> StoreConnection:
    """A connection of the current tenant, whose slug is `acme`."""
    usual = {"name": "Lake", "store": "s3://lake/acme", "credentials": "lake", "by": "key:ci"}
    return create_connection(**usual | fields)
