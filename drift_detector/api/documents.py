"""Serves the OpenAPI document, which each process makes once."""

from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, cast

from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from drift_detector.page_policies import DOCUMENTATION

# The generator keeps state of its own while it works, and is not for several threads at once.
_making = Lock()


class DocumentView(SpectacularAPIView):
    """The document is the same for every caller, and takes a second of a core to make."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """This document, as YAML or JSON."""
        renderer = request.accepted_renderer
        content = _content_of(type(renderer))
        filename = self._get_filename(request, self.api_version)  # type: ignore[no-untyped-call]
        etag = f'"{sha256(content).hexdigest()}"'
        response = HttpResponse(
            content,
            content_type=renderer.media_type,
            headers={
                "Content-Disposition": f'inline; filename="{filename}"',
                "ETag": etag,
                "Cache-Control": "no-cache",  # kept, and asked for again by its tag
            },
        )
        return get_conditional_response(request, etag=etag, response=response) or response

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Refuse a `format` that there is none of; DRF would say that there is no document."""
        try:
            return super().perform_content_negotiation(request, force)
        except Http404 as error:
            raise ValidationError({"format": ["format must be json or yaml."]}) from error


@method_decorator(csp_override(DOCUMENTATION), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """The page for people; its script is an answer of its own, as the page may bring none."""

    url_name = "schema"


def _content_of(renderer: type[BaseRenderer]) -> bytes:
    with _making:
        return _rendered(cast("Any", renderer))


@lru_cache(maxsize=8)
def _rendered(renderer: type[BaseRenderer]) -> bytes:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    content = renderer().render(document, renderer_context={})
    return content if isinstance(content, bytes) else content.encode()
