"""The permissions of each role in the API."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from drift_detector.tenancy.models import Role, Scope
from drift_detector.tenancy.principal import Principal

if TYPE_CHECKING:  # DRF imports this module while it makes APIView
    from rest_framework.views import APIView


class RolePermission(BasePermission):
    """Viewers read; operators also run, acknowledge and edit; a view can ask for more with `role_to_write`."""

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.user, Principal):
            return False
        to_write: Role = getattr(view, "role_to_write", Role.OPERATOR)
        if request.method in SAFE_METHODS:
            return Scope.MONITORS_READ in request.user.scopes
        needed = Scope.ADMIN if to_write is Role.ADMIN else Scope.MONITORS_WRITE
        return needed in request.user.scopes
