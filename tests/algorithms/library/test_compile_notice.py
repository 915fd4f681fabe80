"""The notice of the kernels' compilation, in processes with a cache of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALL = """
import pyarrow as pa
from algorithms.library import compare
table = pa.table({"x": [*map(float, range(100))]})
compare(table, table, methods=["ks"])
compare(table, table, methods=["ks"])
"""


COMPILATIONS = """
import sys
from numba.core import event
from algorithms.library import compile_notice
seconds = iter(map(float, sys.argv[1:]))
compile_notice.monotonic = lambda: next(seconds)
compile_notice.say_that_kernels_compile()
for _ in sys.argv[1::2]:
    event.start_event("numba:compile")
    event.end_event("numba:compile")
"""


def said_of(*seconds: float, closed: str = "") -> subprocess.CompletedProcess[str]:
    """The end of a process whose kernels began and were compiled at these seconds."""
    line = f'"$0" -c "$1" {" ".join(map(str, seconds))} {closed}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, COMPILATIONS],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("seconds", "lines"),
    [
        ((0, 0.1, 300, 300.1, 600, 600.1), 0),  # tiny ones, minutes apart
        ((0, 0.6, 0.6, 1.2, 1.2, 1.8, 1.8, 9), 1),
        ((0, 30), 0),  # it is over
    ],
)
def test_notice__seconds_that_compilation_took__decide(
    seconds: tuple[float, ...], lines: int
) -> None:
    found = said_of(*seconds)
    assert (found.returncode, found.stderr.count("\n")) == (0, lines)


def test_notice__closed_standard_error__is_no_fault() -> None:
    assert said_of(0, 2, 2, 4, closed="2>&-").returncode == 0


@pytest.mark.slow
def test_notice__first_process__says_once_that_it_compiles_and_the_next_says_nothing(
    tmp_path: Path,
) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", CALL],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert said[0].startswith("Compiling the numeric kernels")
    assert [text.count("\n") for text in said] == [1, 0]
