"""Each page in both sizes and both themes: nothing fails, nothing leaves the machine, everyone can read it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.demo import Demo
from tests.browser.places import PREDICTIONS, places
from tests.browser.visits import SIZES, Visit

LARGEST_SCREENSHOT = 100_000
THEMES = ("light", "dark")


def stream_of(visitor: Visit, demo: Demo) -> str:
    """The page of a stream, as the page of its monitor leads to it."""
    visitor.open(f"/admin/monitors/{demo.monitor(PREDICTIONS)['id']}/")
    address = visitor.page.locator("a[href^='/admin/streams/']").first.get_attribute("href")
    assert address is not None
    return address


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", list(SIZES))
def test_pages__each_size_and_theme__are_sound(
    visit: Callable[..., Visit], demo: Demo, screens_folder: Path, size: str, theme: str
) -> None:
    visitor = visit(size=size, theme=theme)
    found: dict[str, list[str]] = {}
    for name, path in {**places(demo), "stream": stream_of(visitor, demo)}.items():
        visitor.open(path)
        visitor.page.wait_for_load_state("networkidle")
        visitor.screenshot(screens_folder / f"{name}-{size}-{theme}.webp")
        found[name] = visitor.serious_violations()
        if visitor.overflows():
            found[name].append("the page scrolls sideways")
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_screenshots__of_all_pages__are_small(screens_folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in screens_folder.glob("*.webp")}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > LARGEST_SCREENSHOT} == {}
