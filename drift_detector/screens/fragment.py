"""A part of a page that the browser asks for by itself (htmx)."""

from typing import Any

from django.http import HttpRequest
from django.views.generic import TemplateView

from drift_detector.screens.screen import Screen
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may


class Fragment(Screen):
    """A piece of HTML without the site's dress, in the scope and with the roles of a page."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"can_operate": may(self.request, Scope.MONITORS_WRITE)}
        return TemplateView.get_context_data(self, **(own | kwargs))


def is_htmx(request: HttpRequest) -> bool:
    """True if a script of the page asks, which puts a part into it."""
    return request.headers.get("HX-Request") == "true"
