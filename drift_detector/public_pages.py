"""Gives the addresses of the pages that people open from an event or a notification."""

from uuid import UUID

from django.conf import settings


def page_of_alert(alert_id: UUID) -> dict[str, str]:
    """The field `url` of an alert; nothing if the service does not know its own address."""
    return address_of(f"/admin/alerts/{alert_id}/")


def address_of_alert(alert_id: UUID) -> str:
    """The address of an alert's page; empty if the service does not know its own."""
    return page_of_alert(alert_id).get("url", "")


def page_of_run(run_id: UUID) -> dict[str, str]:
    """The field `url` of a run; nothing if the service does not know its own address."""
    return address_of(f"/admin/runs/{run_id}/")


def address_of(path: str) -> dict[str, str]:
    """The field `url` of a path of the service; nothing if the service does not know its own address."""
    address: str = settings.ENV.public_url
    return {"url": f"{address.rstrip('/')}{path}"} if address else {}
