import os
from pathlib import Path

import pytest

from monitors.sources import ForbiddenUri, SourceNotFound, SourcePolicy, UnreadableSource, describe
from monitors.sources.listing import list_files
from monitors.sources.local_files import local_filesystem
from monitors.sources.uris import resolve_uri


def names(uri: object, policy: SourcePolicy) -> list[str]:
    return [
        file.name
        for file in list_files(resolve_uri(str(uri), policy), local_filesystem(policy), policy)
    ]


@pytest.fixture
def tree(root: Path) -> Path:
    for name in (
        "b.csv",
        "a/x.csv",
        "a/b/y.csv",
        ".hidden.csv",
        "_SUCCESS",
        "_tmp/z.csv",
        "a/.git/w.csv",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n1\n")
    return root


def test_list_files__folder__is_recursive_and_skips_hidden_names(
    tree: Path, policy: SourcePolicy
) -> None:
    assert names(tree, policy) == ["a/b/y.csv", "a/x.csv", "b.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["b.csv"]),
        ("*/*.csv", ["a/x.csv"]),
        ("**/*.csv", ["a/b/y.csv", "a/x.csv", "b.csv"]),
        ("a/**", ["b/y.csv", "x.csv"]),
        ("[ab].csv", ["b.csv"]),
        ("?.csv", ["b.csv"]),
    ],
)
def test_list_files__pattern__finds_its_matches(
    tree: Path, policy: SourcePolicy, pattern: str, expected: list[str]
) -> None:
    assert names(f"{tree}/{pattern}", policy) == expected


def test_list_files__single_file__is_named_by_its_base_name(
    tree: Path, policy: SourcePolicy
) -> None:
    assert names(f"file://{tree}/a/x.csv", policy) == ["x.csv"]


@pytest.mark.parametrize("name", ["nothing.csv", "nowhere/", "*.parquet", "nowhere/*.csv", "empty"])
def test_list_files__nothing_there__not_found(tree: Path, policy: SourcePolicy, name: str) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(SourceNotFound):
        names(f"{tree}/{name}", policy)


@pytest.mark.parametrize("pattern", ["", "*.csv", "**/*.csv", "link.csv"])
@pytest.mark.parametrize("exists", [True, False])
def test_list_files__symlinked_file_outside__forbidden_alike(
    tree: Path, policy: SourcePolicy, tmp_path: Path, pattern: str, exists: bool
) -> None:
    if exists:
        (tmp_path / "secret.csv").write_text("a\n1\n")
    (tree / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ForbiddenUri) as caught:
        names(f"{tree}/{pattern}", policy)
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize("pattern", ["", "**/*.csv", "link/x.csv", "link", "l*/x.csv"])
def test_list_files__symlinked_folder_outside__forbidden(
    tree: Path, policy: SourcePolicy, tmp_path: Path, pattern: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("a\n1\n")
    (tree / "link").symlink_to(tmp_path / "other")
    with pytest.raises(ForbiddenUri):
        names(f"{tree}/{pattern}", policy)


@pytest.mark.parametrize("name", ["current", "current/*.csv", "c*/y.csv", "current/y.csv"])
@pytest.mark.parametrize("is_relative", [True, False])
def test_list_files__symlink_inside_the_root__is_followed(
    tree: Path, policy: SourcePolicy, name: str, is_relative: bool
) -> None:
    (tree / "current").symlink_to("a/b" if is_relative else tree / "a" / "b")
    assert [each.rpartition("/")[2] for each in names(tree / name, policy)] == ["y.csv"]


def test_list_files__folder_and_links_to_it__is_visited_once(
    tree: Path, policy: SourcePolicy
) -> None:
    (tree / "a" / "0").symlink_to(tree / "a" / "b")
    (tree / "zero").symlink_to("a")
    assert names(tree, policy) == ["a/b/y.csv", "a/x.csv", "b.csv"]
    assert names(tree / "**" / "*.csv", policy) == ["a/b/y.csv", "a/x.csv", "b.csv"]


def test_list_files__pattern_that_matches_only_a_link__finds_it(
    tree: Path, policy: SourcePolicy
) -> None:
    (tree / "a" / "link").symlink_to("b")
    assert names(tree / "**" / "link" / "*.csv", policy) == ["a/link/y.csv"]


def test_list_files__link_from_one_root_to_another__is_followed(tmp_path: Path) -> None:
    for each in ("one", "two"):
        (tmp_path / each).mkdir()
    (tmp_path / "two" / "x.csv").write_text("a\n1\n")
    (tmp_path / "one" / "link").symlink_to(tmp_path / "two")
    policy = SourcePolicy(allowed_roots=(f"{tmp_path}/one", f"{tmp_path}/two"))
    assert names(tmp_path / "one", policy) == ["link/x.csv"]


def test_list_files__symlink_loop__ends(tree: Path, policy: SourcePolicy) -> None:
    (tree / "a" / "up").symlink_to(tree)
    assert names(tree, policy) == ["a/b/y.csv", "a/x.csv", "b.csv"]


def test_list_files__pipe__refused_without_blocking(tree: Path, policy: SourcePolicy) -> None:
    os.mkfifo(tree / "pipe.csv")
    with pytest.raises(UnreadableSource, match="regular file"):
        names(tree, policy)


def test_list_files__symlink_to_another_tenants_root__forbidden(tmp_path: Path) -> None:
    for tenant in ("one", "two"):
        (tmp_path / tenant).mkdir()
        (tmp_path / tenant / "x.csv").write_text("a\n1\n")
    (tmp_path / "one" / "peek.csv").symlink_to(tmp_path / "two" / "x.csv")
    policy = SourcePolicy(allowed_roots=(f"{tmp_path}/{{tenant}}",)).for_tenant("one")
    with pytest.raises(ForbiddenUri):
        names(tmp_path / "one", policy)


def test_list_files__name_that_is_not_utf8__sentence_can_be_stored(
    tree: Path, policy: SourcePolicy
) -> None:
    (Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9.csv"))).write_text("a\n1\n")
    with pytest.raises(UnreadableSource, match="caf") as caught:
        describe(str(tree), policy)
    assert caught.value.reason.encode()


def test_list_files__name_beyond_the_system_limit__unreadable(
    tree: Path, policy: SourcePolicy
) -> None:
    with pytest.raises(UnreadableSource):
        names(f"{tree}/{'x' * 5000}.csv", policy)
