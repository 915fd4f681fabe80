"""Routes as labels of metrics and names of spans."""

from django.http import HttpRequest


def route_of(request: HttpRequest) -> str:
    """The URL pattern that matched a request, or `unmatched`; never the path, which holds ids."""
    return request.resolver_match.route if request.resolver_match else "unmatched"
