"""Serves the OpenAPI document, which each process makes once."""

from functools import lru_cache
from typing import Any, cast

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class DocumentView(SpectacularAPIView):
    """The document is the same for every caller, and takes a second of a core to make."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """This document, as YAML or JSON."""
        renderer = request.accepted_renderer
        content = _rendered(cast("Any", type(renderer)))
        filename = self._get_filename(request, self.api_version)  # type: ignore[no-untyped-call]
        return HttpResponse(
            content,
            content_type=renderer.media_type,
            headers={"Content-Disposition": f'inline; filename="{filename}"'},
        )


@lru_cache(maxsize=8)
def _rendered(renderer: type[BaseRenderer]) -> bytes:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    content = renderer().render(document, renderer_context={})
    return content if isinstance(content, bytes) else content.encode()
