import gzip
import hashlib
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client

CSS = b"a { color: red; }\n" * 100


@pytest.fixture
def collected(settings: LazySettings, tmp_path: Path) -> None:
    """What `collectstatic` makes of one file."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.css").write_bytes(CSS)
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "static"
    call_command("collectstatic", "--noinput", "-v0")


def test_address__of_a_collected_file__has_a_hash_of_its_content(collected: None) -> None:
    digest = hashlib.md5(CSS, usedforsecurity=False).hexdigest()
    assert staticfiles_storage.url("a.css") == f"/static/a.{digest[:12]}.css"


def test_address__of_a_file_not_collected__is_its_plain_name(collected: None) -> None:
    assert staticfiles_storage.url("b.css") == "/static/b.css"


def test_hashed_file__a_browser_asks__is_kept_a_year_and_compressed(collected: None) -> None:
    answer = Client().get(staticfiles_storage.url("a.css"), headers={"accept-encoding": "gzip"})
    seconds = answer["Cache-Control"].split("max-age=")[1].split(",")[0]
    assert int(seconds) >= 365 * 86400
    assert "immutable" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.getvalue()) == CSS


def test_plain_name__a_browser_asks__is_kept_for_a_minute(collected: None) -> None:
    answer = Client().get("/static/a.css")
    assert answer.getvalue() == CSS
    assert answer["Cache-Control"] == "max-age=60, public"
