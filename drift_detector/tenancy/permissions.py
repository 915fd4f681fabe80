"""Refuses a caller of the API who lacks the scope of an operation."""

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.principal import Principal

if TYPE_CHECKING:  # DRF imports this module while it makes APIView
    from rest_framework.views import APIView


class ScopePermission(BasePermission):
    """Each operation needs one scope, by `scope_to_read` or `scope_to_write` of its view."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.user, Principal):
            return False
        method = request.method or ""
        # A method that there is not becomes 405, for all who may read here.
        needed = needed_scope(view, method if _is_served(view, method) else "GET")
        self.message = f"This needs the scope {needed.value}."
        return needed in request.user.scopes


def _is_served(view: "APIView", method: str) -> bool:
    return method.lower() in view.http_method_names and hasattr(view, method.lower())


def needed_scope(view: Any, method: str) -> Scope:
    """The scope that an operation needs.

    Args:
        view: A `TenantAPIView`; of an action of a viewset, with what the action sets.
        method: The HTTP method, in capitals.
    """
    scope: Scope = view.scope_to_read if method in SAFE_METHODS else view.scope_to_write
    return scope
