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
