"""The exit codes of `drift` in processes whose output or libraries fail, as the shell sees them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[3]
ENTER = (
    "import sys; from drift_detector.commands.entrance import enter; sys.exit(enter(sys.argv[1:]))"
)
LETTERS = "плечо…😀"
BROKEN = "import sys; sys.modules['pyarrow.parquet'] = None; "


@pytest.fixture
def same(tmp_path: Path) -> str:
    """A file that has not drifted from itself, with a column whose name few encodings have."""
    path = tmp_path / "same.parquet"
    pq.write_table(pa.table({LETTERS: [*map(float, range(100))]}), path)
    return f"check {path} {path}"


def drift(line: str, source: str = ENTER, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which DRIFT stands for the command."""
    command = f'set -o pipefail; drift() {{ {sys.executable} -c {source!r} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["cp1252", "ascii"],
)
@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_check__letters_that_the_output_lacks__are_written_and_the_code_is_0(
    same: str, environment: dict[str, str], form: str
) -> None:
    found = drift(f"drift {same} --format {form}", **environment)
    assert (found.returncode, found.stderr) == (0, b"")
    if form == "json":
        assert json.loads(found.stdout)["rows"][0]["feature"] == LETTERS
    if form == "html":
        assert "&#1087;" in found.stdout.decode("ascii")
    if form == "table":
        assert rb"\u043f" in found.stdout


@pytest.mark.parametrize(
    ("redirected", "words"),
    [
        ("> /dev/full", b"drift: The result cannot be written: No space left on device.\n"),
        (">&-", b"drift: The result cannot be written: standard output is closed.\n"),
        ("> /dev/full 2> /dev/full", b""),
        (">&- 2>&-", b""),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_check__output_that_takes_nothing__is_2_with_a_sentence(
    same: str, unbuffered: str, redirected: str, words: bytes
) -> None:
    found = drift(f"drift {same} --format html {redirected}", PYTHONUNBUFFERED=unbuffered)
    assert (found.returncode, found.stderr) == (2, words)


@pytest.mark.parametrize("more", ["", "--format html"])
def test_check__closed_pipe__ends_as_other_commands_do(same: str, more: str) -> None:
    found = drift(f"drift {same} {more} | true")
    usual = drift("yes | true")
    assert (found.returncode, found.stderr) == (usual.returncode, b"")


def test_help__full_disk__is_2(same: str) -> None:
    assert drift("drift --help > /dev/full", PYTHONUNBUFFERED="").returncode == 2


def test_check__library_that_cannot_be_loaded__is_2_with_a_sentence(same: str) -> None:
    found = drift(f"drift {same}", source=BROKEN + ENTER)
    assert found.returncode == 2
    assert found.stderr.startswith(b"drift: Unexpected ModuleNotFoundError: ")
    assert found.stderr.count(b"\n") == 1


def test_check__drift__is_1(same: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({LETTERS: [*map(float, range(300, 400))]}), tmp_path / "b.parquet")
    assert drift(f"drift {same.rpartition(' ')[0]} {tmp_path / 'b.parquet'}").returncode == 1
