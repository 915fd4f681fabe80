"""The command `drift`, in this process; tests/drift_detector/test_wheel.py runs it as it is installed."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.methods import METHODS
from algorithms.version import VERSION
from detections.one_shot.compare import Reading
from drift_detector.commands.drift_command import COMMANDS, run
from drift_detector.setting_groups.data_settings import Data
from monitors.evaluation_plans import specs_of_settings
from tests.detections.one_shot.test_check_drift import check


@pytest.fixture
def sides(tmp_path: Path) -> list[str]:
    """A reference and data whose distance D is 0.03: 600 of 20,000 rows have moved."""
    paths = [tmp_path / "before.parquet", tmp_path / "after.parquet"]
    for path, shift in zip(paths, (0, 600), strict=True):
        pq.write_table(pa.table({"x": np.arange(20_000.0) + shift}), path)
    return [*map(str, paths)]


@pytest.mark.parametrize("more", [[], ["--json"], ["--methods", "ks", "--tolerance", "ks=0.02"]])
def test_check__any_options__answers_as_the_command_of_manage_py(
    sides: list[str], more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["check", *sides, *more])
    assert (capsys.readouterr().out, code) == check(*sides, *more)


@pytest.mark.parametrize(("tolerance", "code"), [("0.029", 1), ("0.031", 0)])
def test_check__tolerance_beside_the_distance__decides(
    sides: list[str], tolerance: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ["--methods", "ks", "--tolerance", f"ks={tolerance}", "--json"]
    assert run(["check", *sides, *methods]) == code
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert (row["statistic"], row["tolerance"]) == (pytest.approx(0.03), float(tolerance))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--tolerance", "ks=2"], "The tolerance of ks must be a number above 0 and at most 1"),
        (["--tolerance", "schema=1"], "schema has no tolerance: it states facts."),
        (["--tolerance", "wasserstein=1"], "tolerances must name methods of the comparison"),
        (["--numeric", "y"], "--categorical and --numeric must name features, not y."),
        (["--sensitive", "emial"], "sensitive must name columns of the reference, not emial."),
        (["--start", "2024-01-01"], "--start and --end need --timestamp-column."),
    ],
)
def test_check__wrong_options__fails_with_one_sentence(
    sides: list[str], more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *sides, *more]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith(f"drift: {words}")
    assert found.err.count("\n") == 1


def test_version__of_the_command__is_that_of_the_project(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run(["--version"])
    assert capsys.readouterr().out == f"drift {VERSION}\n"


def test_help__names_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--help"])
    shown = capsys.readouterr().out
    assert [each.name for each in COMMANDS if each.name not in shown] == []


def test_defaults__of_the_settings__are_those_without_settings() -> None:
    data, usual = Data(), Reading()
    assert specs_of_settings() == METHODS
    for name in ("stream_bytes", "max_reference_rows", "max_baseline_bytes"):
        assert getattr(data, name) == getattr(usual, name)
    assert data.max_window_bytes == usual.policy.max_window_bytes
    assert data.max_files == usual.policy.limits.files
