"""The parts that every page shares: the site's dress, the tenant's scope, a trail of links, and roles."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.views.generic import TemplateView

from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may, site
from monitors.models import Monitor


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the trail above a page; the last one has no address."""

    title: str
    link: str = ""


class Screen(TemplateView):
    """A page in the scope of the picked tenant.

    A subclass sets `template_name` and fills `get_context_data`, which gives `title` and `trail`.
    What people do goes through `post`, which needs a scope of their role.
    """

    scope_to_post: ClassVar[Scope] = Scope.MONITORS_WRITE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.current_app = site.name
        if request.method == "POST" and not may(request, self.scope_to_post):
            raise PermissionDenied(f"This needs the scope {self.scope_to_post.value}.")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shared = site.each_context(self.request)
        own = {"can_operate": may(self.request, Scope.MONITORS_WRITE)}
        return super().get_context_data(**(shared | own | kwargs))


def id_or_404(text: str | None) -> UUID:
    """The id of a row that a query or a form names.

    Raises:
        Http404: If the text is no id.
    """
    try:
        return UUID(text or "")
    except ValueError as error:
        raise Http404("The id must be a UUID.") from error


def screen(route: str, view: type[Screen], name: str) -> URLPattern:
    """The address of a page, in the namespace `screens`."""
    shown: Callable[..., HttpResponseBase] = site.admin_view(view.as_view())
    return path(route, shown, name=name)


def zone_of(monitor: Monitor) -> ZoneInfo:
    """The time zone in which a monitor's times are shown."""
    return ZoneInfo(monitor.timezone)
