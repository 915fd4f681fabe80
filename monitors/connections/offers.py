"""Lists the credentials that the operator offers to a tenant, and checks a tenant's connection against them.

A tenant names credentials, and never a variable, a file or a path; the settings say which secrets these are, and
at which hosts they may be used. They are asked at each reading, so that what is withdrawn ends at once.
"""

from collections.abc import Mapping

from django.conf import settings

from drift_detector.setting_groups.data_settings import StoreCredentialsSetting
from monitors.models import StoreConnection
from monitors.sources import Connection
from monitors.sources.placeholders import fill

type Offers = Mapping[str, StoreCredentialsSetting]


def list_offers(slug: str) -> Offers:
    """The credentials that the operator offers to a tenant, by name."""
    return {
        each.name: each
        for each in settings.ENV.data.store_credentials
        if not each.tenants or slug in each.tenants
    }


def find_fault(row: StoreConnection, offers: Offers) -> dict[str, str]:
    """The field that the operator does not offer, with a sentence about it; empty if all is offered."""
    offer = offers.get(row.credentials)
    if offer is None:
        return {"credentials": f"credentials must be offered by the operator: {_any_of(offers)}."}
    if not row.store.startswith(f"{offer.scheme}://"):
        return {"store": f"store must begin with {offer.scheme}:// for these credentials."}
    if row.region and offer.scheme != "s3":
        return {"region": "region must be empty for these credentials."}
    allowed = {"endpoint": offer.endpoints, "account": offer.accounts}
    for name, values in allowed.items():
        if getattr(row, name) not in (values or [""]):
            return {name: f"{name} must be allowed for these credentials: {_any_of(values)}."}
    return {}


def take_the_only_ones(row: StoreConnection, offers: Offers) -> None:
    """Set the endpoint and the account of a connection that names none, where there is one alone."""
    offer = offers.get(row.credentials)
    if offer is None:
        return
    if not row.endpoint and len(offer.endpoints) == 1:
        [row.endpoint] = offer.endpoints
    if not row.account and len(offer.accounts) == 1:
        [row.account] = offer.accounts


def connection_of_row(row: StoreConnection, slug: str) -> Connection:
    """The connection by which a tenant's places are read; one that can't be used says why."""
    offers = list_offers(slug)
    if refusal := _refusal(row, offers):
        return Connection(row.name, row.store, {}, refusal=refusal)
    references = offers[row.credentials].secrets
    return Connection(
        name=row.name,
        store=row.store,
        secrets={name: fill(text, slug) for name, text in references.items()},
        endpoint=row.endpoint or None,
        region=row.region or None,
        account=row.account or None,
        secrets_root=settings.ENV.data.secrets_root,
    )


def _refusal(row: StoreConnection, offers: Offers) -> str:
    if row.removed_at is not None:
        return f"The connection ‘{row.name}’ was removed, and no other credentials are used in its place."
    fault = find_fault(row, offers)
    return "".join(f"The connection ‘{row.name}’ can't be used: {each}" for each in fault.values())


def _any_of(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(names) or "there are none"
