"""The base class of API views; it opens the tenant's scope around the handler."""

from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from drift_detector.api.queries import check_query
from drift_detector.tenancy.acting import acting_in, note_request
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.principal import ActorKind, Principal
from drift_detector.tenancy.scope import release_connection, tenant_scope

REFUSALS = (PermissionDenied, DjangoPermissionDenied)


class TenantAPIView(APIView):
    """Runs each handler in the caller's tenant scope, and so in one transaction.

    A refused request rolls it back.
    """

    scope_to_read: ClassVar[Scope] = Scope.MONITORS_READ
    # A view that writes names its scope; one that forgets to is closed to all but admins.
    scope_to_write: ClassVar[Scope] = Scope.ADMIN
    _scope: ExitStack | None = None
    _acting: ExitStack

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._acting:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(self, request)
        self._act()
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
        if isinstance(exc, REFUSALS) and isinstance(self.request.user, Principal):
            self._note_refusal()
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        if self._scope and response.status_code == HTTPStatus.OK:
            self._note_read()
        self.leave_scope()
        return super().finalize_response(request, response, *args, **kwargs)

    def leave_scope(self) -> None:
        """Commit early and release the connection, for a handler that has to wait."""
        scope, self._scope = self._scope, None
        if scope:
            scope.close()
            release_connection()

    def _act(self) -> None:
        caller = self.principal
        self._acting.enter_context(acting_in(self.request._request, caller.actor, caller.tenant_id))

    def _note_read(self) -> None:
        """Record that a person has read, by a session or by a token; a key reads for the tenant that it belongs to."""
        is_read = self.request.method == "GET"
        if is_read and self.principal.actor.kind is not ActorKind.KEY:
            note_request("read", self.request._request)

    def _note_refusal(self) -> None:
        """Tell the audit trail what was refused, in a transaction of its own."""
        self.leave_scope()
        self._act()
        with tenant_scope(self.principal.tenant_id):
            note_request("refused", self.request._request)

    @property
    def principal(self) -> Principal:
        """The caller; `ScopePermission` refuses requests without one."""
        user = self.request.user
        assert isinstance(user, Principal)
        return user
