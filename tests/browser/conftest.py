"""A demo and a browser for all tests of this folder; they run only where `make test-browser` asks for them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.demo import Demo, running_demo
from tests.browser.visits import Visit

CHROMIUM = os.environ.get("DRIFT_CHROMIUM", "")
collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("browser") / "state") as demo:
        yield demo


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, demo: Demo) -> Iterator[Callable[..., Visit]]:
    """A signed-in visitor on a screen of a size and theme; what the browser complains of fails the test."""
    visits: list[Visit] = []

    def begin(*, size: str = "desktop", theme: str = "light") -> Visit:
        visits.append(Visit(browser, demo, size=size, theme=theme))
        visits[-1].sign_in()
        return visits[-1]

    yield begin
    for each in visits:
        each.end()


@pytest.fixture(scope="session")
def screens_folder() -> Path:
    return Path(__file__).resolve().parents[2] / "docs" / "screens"
