"""The base class of API views; it opens the tenant's scope around the handler."""

from contextlib import ExitStack
from typing import Any, ClassVar

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from drift_detector.api.queries import check_query
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.principal import Principal
from drift_detector.tenancy.scope import release_connection, tenant_scope


class TenantAPIView(APIView):
    """Runs each handler in the caller's tenant scope, and so in one transaction.

    A refused request rolls it back.
    """

    scope_to_read: ClassVar[Scope] = Scope.MONITORS_READ
    # A view that writes names its scope; one that forgets to is closed to all but admins.
    scope_to_write: ClassVar[Scope] = Scope.ADMIN
    _scope: ExitStack | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(self, request)
        scope = ExitStack()
        scope.enter_context(tenant_scope(self.principal.tenant_id))
        self._scope = scope

    def check_permissions(self, request: Request) -> None:
        """Count the request first, so that one that is refused counts, too."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Leave a request that `check_permissions` has counted."""

    def handle_exception(self, exc: Exception) -> Response:
        if self._scope:
            transaction.set_rollback(True)
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        self.leave_scope()
        return super().finalize_response(request, response, *args, **kwargs)

    def leave_scope(self) -> None:
        """Commit early and release the connection, for a handler that has to wait."""
        scope, self._scope = self._scope, None
        if scope:
            scope.close()
            release_connection()

    @property
    def principal(self) -> Principal:
        """The caller; `ScopePermission` refuses requests without one."""
        user = self.request.user
        assert isinstance(user, Principal)
        return user
