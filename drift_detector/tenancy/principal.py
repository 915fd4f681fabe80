"""The authenticated caller of a request."""

from dataclasses import dataclass
from uuid import UUID

from drift_detector.tenancy.models import Role


@dataclass(frozen=True)
class Principal:
    """An authenticated caller within one tenant; DRF's `request.user`."""

    tenant_id: UUID
    role: Role
    name: str
    is_authenticated: bool = True
