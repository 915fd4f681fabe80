"""The page of calibration: each command renews its own part."""

from pathlib import Path

import pytest

from tests.calibration.page_parts import put_part

PAGE = "# Page\n\n<!-- part: first -->\n\nOld words.\n\n<!-- part: second -->\n\nOther words.\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    written = tmp_path / "page.md"
    written.write_text(PAGE)
    return written


def test_put_part__of_two_parts__leaves_the_other(page: Path) -> None:
    put_part(page, "first", "New words.\n")
    assert page.read_text() == PAGE.replace("Old words.", "New words.")


def test_put_part__without_a_mark__is_refused(page: Path) -> None:
    with pytest.raises(KeyError, match="third"):
        put_part(page, "third", "Words.")
