import gzip

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from drift_detector.page_compression import PageCompressionMiddleware

PAGE = b"<p>" + b"drift " * 500


def answered(content_type: str, accepted: str = "gzip, br") -> HttpResponse:
    """What becomes of an answer on its way to a browser."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE, content_type=content_type)

    request = RequestFactory().get("/", headers={"accept-encoding": accepted})
    answer = PageCompressionMiddleware(view)(request)
    assert isinstance(answer, HttpResponse)
    return answer


def test_page__browser_takes_gzip__is_compressed() -> None:
    answer = answered("text/html; charset=utf-8")
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.content) == PAGE


@pytest.mark.parametrize(
    ("content_type", "accepted"), [("application/json", "gzip"), ("text/html", "identity")]
)
def test_answer__no_page_or_not_asked_for__is_sent_as_it_is(
    content_type: str, accepted: str
) -> None:
    answer = answered(content_type, accepted)
    assert not answer.has_header("Content-Encoding")
    assert answer.content == PAGE


def test_page__same_content_again__is_of_another_length() -> None:
    """The length must not tell what the page says (BREACH); a chance in 10^18 fails."""
    assert len({len(answered("text/html").content) for _ in range(10)}) > 1


@pytest.mark.django_db
def test_page__of_the_site__is_compressed_and_marked() -> None:
    answer = Client().get("/admin/login/", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert b"csrfmiddlewaretoken" in gzip.decompress(answer.content)
