"""A tenant that swaps links while the service reads gets nothing that lies outside its roots."""

import os
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    SourceError,
    SourceNotFound,
    SourcePolicy,
    UnreadableSource,
    WindowSpec,
    describe,
    descriptors,
    list_place,
    open_window,
    read_window,
)
from monitors.sources.filesystems import open_filesystem
from monitors.sources.listing import list_files
from monitors.sources.local_roots import LocalRoots
from monitors.sources.uris import resolve_uri

PRODUCT = Path(__file__).resolve().parents[3]
MINE, THEIRS = 1, 666
SECONDS = 1.0
PATIENCE = 20
"""Seconds until one of the readings has to come off."""
EXTENSIONS = ("csv", "parquet", "arrow")


def put(path: Path, value: int) -> None:
    """A file whose only column holds one value in every row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"n": [value] * 1000})
    if path.suffix == ".csv":
        pacsv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=100)
    else:
        feather.write_feather(table, path)


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to open beneath a root."""
    if request.param == "walk":
        monkeypatch.setattr(descriptors, "has_openat2", lambda: False)
    elif not descriptors.has_openat2():
        pytest.skip("The kernel has no openat2.")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Another tenant's folder, with files of the same names."""
    for extension in EXTENSIONS:
        put(tmp_path / "theirs" / "day" / f"x.{extension}", THEIRS)
    return tmp_path / "theirs"


@pytest.fixture
def mine(root: Path) -> Path:
    for extension in EXTENSIONS:
        put(root / "day" / f"x.{extension}", MINE)
    return root


def swap_file(mine: Path, theirs: Path, name: str) -> Iterator[Callable[[], object]]:
    """Replace the file by a link to another's, and back."""
    honest, link, path = mine / "honest", mine / "link", mine / "day" / name
    while True:
        honest.write_bytes(path.read_bytes())
        link.symlink_to(theirs / "day" / name)
        yield lambda: link.replace(path)
        yield lambda: honest.replace(path)


def swap_folder(mine: Path, theirs: Path, name: str) -> Iterator[Callable[[], object]]:
    """Replace the folder above the file by a link to another's, and back."""
    link = mine / "link"
    while True:
        link.symlink_to(theirs / "day")
        yield lambda: (mine / "day").rename(mine / "aside")
        yield lambda: link.rename(mine / "day")
        yield lambda: (mine / "day").unlink()
        yield lambda: (mine / "aside").rename(mine / "day")


def swap_link(mine: Path, theirs: Path, name: str) -> Iterator[Callable[[], object]]:
    """Turn a link from the tenant's own folder to another's, and back."""
    (mine / "day").rename(mine / "real")
    (mine / "day").symlink_to("real")
    link = mine / "link"
    while True:
        for target in (theirs / "day", Path("real")):
            link.symlink_to(target)
            yield lambda: link.replace(mine / "day")


@contextmanager
def swapping(steps: Iterator[Callable[[], object]]) -> Iterator[None]:
    """Take the steps in a tight loop, on another thread."""
    ended, failures = threading.Event(), list[BaseException]()

    def loop() -> None:
        try:
            while not ended.is_set():
                next(steps)()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures, failures


def read_once(uri: str, policy: SourcePolicy) -> set[int]:
    """The values of a reading that has succeeded."""
    with suppress(SourceError), open_window(WindowSpec(uri, policy)) as window:
        return set(window.column("n").to_pylist())
    return set()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("swap", [swap_file, swap_folder, swap_link])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_read__while_links_are_swapped__gives_no_byte_of_the_other(
    mine: Path, theirs: Path, policy: SourcePolicy, swap: Callable[..., Any], extension: str
) -> None:
    found, until = set[int](), time.monotonic() + SECONDS
    with swapping(swap(mine, theirs, f"x.{extension}")):
        while time.monotonic() < until + PATIENCE * (not found):
            found |= read_once(f"{mine}/day/x.{extension}", policy)
            found |= read_once(f"{mine}/*/x.{extension}", policy)
    assert found == {MINE}


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_open_window__root_is_replaced_later__reads_the_first_one(
    mine: Path, theirs: Path, policy: SourcePolicy, extension: str
) -> None:
    """Each opening is relative to the descriptor: by name, it would find the other's."""
    with open_window(WindowSpec(str(mine / "day" / f"x.{extension}"), policy)) as window:
        mine.rename(mine.parent / "aside")
        mine.symlink_to(theirs)
        assert set(window.column("n").to_pylist()) == {MINE}
        assert window.num_rows == 1000
        assert {row["n"] for batch in window.batches() for row in batch.to_pylist()} == {MINE}


def test_list_files__root_is_replaced_later__lists_the_first_one(
    mine: Path, theirs: Path, policy: SourcePolicy
) -> None:
    (theirs / "day" / "secret.csv").write_text("n\n1\n")
    location = resolve_uri(str(mine), policy)
    filesystem = open_filesystem(location, policy)
    assert len(list_files(location, filesystem, policy)) == len(EXTENSIONS)
    mine.rename(mine.parent / "aside")
    mine.symlink_to(theirs)
    names = [file.name for file in list_files(location, filesystem, policy)]
    assert names == ["day/x.arrow", "day/x.csv", "day/x.parquet"]


@pytest.mark.usefixtures("way")
def test_list_place__while_links_are_swapped__names_nothing_of_the_other(
    mine: Path, theirs: Path, policy: SourcePolicy
) -> None:
    (theirs / "day" / "secret.csv").write_text("n\n1\n")
    found, until = set[str](), time.monotonic() + SECONDS
    with swapping(swap_link(mine, theirs, "")):
        while time.monotonic() < until:
            with suppress(SourceError):
                found |= {entry.name for entry in list_place(f"{mine}/day", policy).entries}
            with suppress(SourceError):
                found |= {file.name for file in _listed(mine, policy)}
    assert "secret.csv" not in {name.rpartition("/")[2] for name in found}
    assert found


def _listed(mine: Path, policy: SourcePolicy) -> Any:
    location = resolve_uri(f"{mine}/day", policy)
    return list_files(location, open_filesystem(location, policy), policy)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("place", ["", "x.csv", "*.csv"])
def test_read__pipe_or_socket_in_place_of_a_file__is_refused_at_once(
    root: Path, policy: SourcePolicy, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(root / "x.csv")
    with pytest.raises(UnreadableSource, match="not a regular file"):
        describe(str(root / place), policy)
    (root / "x.csv").unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(root)  # the name of a socket is short
        bound.bind("x.csv")
        with pytest.raises(UnreadableSource, match="not a regular file"):
            describe(str(root / place), policy)


@pytest.mark.usefixtures("way")
def test_read__file_becomes_a_pipe_after_the_listing__does_not_hang(
    root: Path, policy: SourcePolicy
) -> None:
    put(root / "x.parquet", MINE)
    with open_window(WindowSpec(str(root), policy)) as window:
        (root / "x.parquet").unlink()
        os.mkfifo(root / "x.parquet")
        with pytest.raises(UnreadableSource, match="not a regular file"):
            window.column("n")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("place", ["", "a", "a/x.csv", "*/x.csv"])
def test_read__link_that_leads_in_a_circle__ends_with_a_reason(
    root: Path, policy: SourcePolicy, place: str
) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises((UnreadableSource, SourceNotFound)):
        describe(str(root / place), policy)


def test_read__root_behind_a_link_of_the_operators__is_read(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "way-in").symlink_to(mine)
    policy = SourcePolicy(allowed_roots=(f"{tmp_path}/way-in",))
    spec = WindowSpec(f"{tmp_path}/way-in/day/x.csv", policy)
    assert set(read_window(spec)["n"].to_pylist()) == {MINE}


def test_local_roots__no_longer_used__close_their_descriptors(
    mine: Path, policy: SourcePolicy
) -> None:
    roots = LocalRoots(policy)
    with roots.look(f"{mine}/day/x.csv") as found:
        file, root = found.descriptor, next(iter(roots._descriptors.values()))
        assert stat.S_ISDIR(os.fstat(root).st_mode)
    del roots
    for descriptor in (file, root):
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(descriptor)


def test_python__opens_and_lists_a_tenants_data__by_descriptors_only(
    mine: Path, policy: SourcePolicy, opened: list[str]
) -> None:
    for extension in EXTENSIONS:
        read_window(WindowSpec(f"{mine}/*/x.{extension}", policy))
        describe(f"{mine}/day/x.{extension}", policy)
    list_place(str(mine), policy)
    assert [path for path in opened if path.startswith(f"{mine}/")] == []


_opened: list[list[str]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _opened and event in ("open", "os.scandir", "os.listdir") and arguments:
        _opened[-1].append(str(arguments[0]))


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The paths that Python opens and lists by name; a hook can't be taken away again."""
    if not _hooked:
        sys.addaudithook(_note)
        _hooked.append(True)
    _opened.append([])
    yield _opened[-1]
    _opened.clear()


_hooked: list[bool] = []

BY_NAME = re.compile(
    r"LocalFileSystem|SubTreeFileSystem|memory_map|OSFile|(?<![.\w])open\(|os\.open\b|io\.open"
    r"|pads\.dataset\(|read_table\(|read_csv\(\s*[\"'/]|\.read_(bytes|text)\(|\.iterdir\(|\.rglob\("
    r"|os\.(listdir|walk|scandir)\b|glob\.i?glob|(pd|pq|feather|pacsv)\.read_"
)
PLACES = {
    "descriptors.py": 1,  # os.open relative to a folder
    "local_roots.py": 2,  # the root itself; the entries of a descriptor
    "local_files.py": 1,  # the file of a descriptor
    "listing.py": 1,  # the entries of a descriptor
    "places.py": 1,  # the same
    "secrets.py": 2,  # the operator's files
}


def test_product__opens_local_files__in_one_place_only() -> None:
    """By descriptor, in the modules above: another way to open a file would have no guard."""
    found = dict[str, int]()
    for room in ("monitors", "detections"):
        for path in sorted((PRODUCT / room).rglob("*.py")):
            count = len(BY_NAME.findall(path.read_text()))
            if count:
                found[path.name] = count
    assert found == PLACES
