"""What a process of the service loads when it starts; each case is a process of its own."""

import os
import subprocess
import sys

import pytest

WORKER = """
from drift_detector.celery import app
app.loader.import_default_modules()
"""
COMMAND = """
from drift_detector.command_line import NamedUtility
from drift_detector.lean_start import start_lean
start_lean()
NamedUtility(["manage.py", "relay", "--help"]).execute()
"""
SETTINGS = """
from drift_detector import env
env.load()
"""
FRAMES = """
from drift_detector.lean_start import start_lean
start_lean()
import pandas as pd, pyarrow as pa
frame = pd.DataFrame({"n": [1, 2], "word": pd.Categorical(["a", None]), "at": pd.to_datetime(["2024-01-01", None])})
table = pa.Table.from_pandas(frame)
assert table["n"].to_pylist() == [1, 2] and table["word"].to_pylist() == ["a", None], table
assert table.to_pandas().equals(frame)
"""


def run(code: str) -> set[str]:
    """The modules that a process has loaded when the code has run."""
    listed = f"import atexit, sys\natexit.register(lambda: print('loaded', *sys.modules))\n{code}"
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", listed],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "drift_detector.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("start", [WORKER, COMMAND], ids=["worker", "command"])
def test_process__that_shows_no_page__loads_no_page_and_no_data_frame(start: str) -> None:
    found = run(start)
    assert "monitors.models" in found
    assert not found & {"pandas", "drift_detector.urls", "drift_detector.tenancy.admin"}


def test_settings__loaded__bring_nothing_of_the_numerics() -> None:
    """A process with a wrong setting says so at once."""
    assert not run(SETTINGS) & {"numba", "numpy", "pyarrow", "scipy", "django"}


def test_start_lean__data_frames_afterwards__are_converted_as_ever() -> None:
    assert "pandas" in run(FRAMES)
