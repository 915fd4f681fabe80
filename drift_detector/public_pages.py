"""Gives the addresses of the pages that people open from an event or a notification."""

from uuid import UUID

from django.conf import settings


def page_of_alert(alert_id: UUID) -> dict[str, str]:
    """The field `url` of an alert; nothing if the service does not know its own address."""
    return _field(f"/admin/alerts/alert/{alert_id}/change/")


def page_of_run(run_id: UUID) -> dict[str, str]:
    """The field `url` of a run; nothing if the service does not know its own address."""
    return _field(f"/admin/detections/detectionrun/{run_id}/change/")


def _field(path: str) -> dict[str, str]:
    address: str = settings.ENV.public_url
    return {"url": f"{address.rstrip('/')}{path}"} if address else {}
