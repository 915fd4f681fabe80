"""Follows the links of the documents, and looks for the files that they name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
NAMED_FILE = re.compile(r"`((?:[\w-]+/)+[\w.-]+\.\w+)(?:::\w+)?`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: Path) -> list[tuple[Path, str]]:
    """The target and the anchor of each link that stays inside the repository."""
    found = LINK.findall(page.read_text())
    return [((page.parent / path).resolve() if path else page, anchor) for path, anchor in found]


@each_page
def test_links__of_a_page__lead_somewhere(page: Path) -> None:
    lost = [target for target, _ in links_of(page) if not target.exists()]
    assert lost == []
    assert [
        anchor for target, anchor in links_of(page) if anchor and anchor not in anchors(target)
    ] == []


@pytest.mark.parametrize("folder", [DOCS, DOCS / "development"], ids=lambda folder: folder.name)
def test_index__of_a_folder__links_each_page(folder: Path) -> None:
    linked = {target for target, _ in links_of(folder / "index.md")}
    assert set(folder.glob("*.md")) - linked - {folder / "index.md"} == set()


@pytest.mark.parametrize(
    "page", sorted((DOCS / "development").glob("*.md")), ids=lambda page: page.name
)
def test_files__that_a_development_page_names__exist(page: Path) -> None:
    named = NAMED_FILE.findall(page.read_text())
    written = [name for name in named if not name.startswith(".state/")]
    assert [name for name in written if not (ROOT / name).exists()] == []
