"""Compresses pages on their way to browsers; answers of the API stay as they are."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

PAGE = "text/html"


class PageCompressionMiddleware(GZipMiddleware):
    """Compresses HTML, each time with a random number of bytes more.

    The length of a compressed page that shows both a secret and what a request has sent would tell of
    the secret (BREACH). Pages hold one secret, the token of their forms, which Django masks anew for each
    page; the random bytes hide the length all the same.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith(PAGE):
            return response
        return super().process_response(request, response)
