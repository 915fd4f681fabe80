"""People look into places that their tenant may read, and into no others."""

from pathlib import Path

import pytest

from monitors.sources import ForbiddenUri, SourceNotFound, SourcePolicy, list_place
from monitors.sources.places import MOST_SHOWN


@pytest.fixture
def tree(root: Path) -> Path:
    (root / "year").mkdir()
    (root / "b.csv").write_text("a\n1\n")
    (root / "a.csv").write_text("a\n")
    (root / ".hidden.csv").write_text("a\n")
    return root


def test_list_place__folder__has_folders_first_and_no_hidden_names(
    tree: Path, policy: SourcePolicy
) -> None:
    found = list_place(str(tree), policy)
    assert [(entry.name, entry.is_folder, entry.size) for entry in found.entries] == [
        ("year", True, None),
        ("a.csv", False, 2),
        ("b.csv", False, 4),
    ]
    assert found.entries[1].place == f"{tree}/a.csv"


def test_list_place__no_place_and_one_root__is_the_root(tree: Path, policy: SourcePolicy) -> None:
    found = list_place("", policy)
    assert (found.place, found.parent, len(found.entries)) == (str(tree), None, 3)


def test_list_place__no_place_and_two_roots__lists_them(tree: Path) -> None:
    policy = SourcePolicy(
        allowed_roots=(str(tree), f"{tree}/year", f"{tree}/missing", f"{tree}/{{tenant}}"),
        allowed_object_stores=("s3://bucket/prefix/",),
    )
    places = [entry.place for entry in list_place("", policy).entries]
    assert places == [str(tree), f"{tree}/year", "s3://bucket/prefix"]


def test_list_place__below_a_root__has_the_way_up(tree: Path, policy: SourcePolicy) -> None:
    assert list_place(f"{tree}/year", policy).parent == str(tree)


@pytest.mark.parametrize("place", ["/", "/etc", "{}/../..", "relative", "s3://other/", "{}/*.csv"])
def test_list_place__outside_the_roots_or_a_pattern__is_refused(
    tree: Path, policy: SourcePolicy, place: str
) -> None:
    with pytest.raises(ForbiddenUri):
        list_place(place.format(tree), policy)


def test_list_place__link_out_of_the_roots__is_left_out(
    tree: Path, policy: SourcePolicy, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "way-out").symlink_to(outside)
    assert "way-out" not in [entry.name for entry in list_place(str(tree), policy).entries]


@pytest.mark.parametrize("name", ["nothing", "a.csv"])
def test_list_place__no_folder__is_not_found(tree: Path, policy: SourcePolicy, name: str) -> None:
    with pytest.raises(SourceNotFound, match=name):
        list_place(f"{tree}/{name}", policy)


def test_list_place__more_than_is_shown__says_so(root: Path, policy: SourcePolicy) -> None:
    for number in range(MOST_SHOWN + 1):
        (root / f"{number:04}.csv").touch()
    found = list_place(str(root), policy)
    assert (len(found.entries), found.is_cut) == (MOST_SHOWN, True)
