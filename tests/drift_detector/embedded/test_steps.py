import os
import sys
from pathlib import Path

import pytest

from drift_detector.embedded.steps import StepFailed, run_step


def test_run_step__command_fails__tells_what_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"]
    with pytest.raises(StepFailed, match=r"(?s)no such table.*ended with code 3\."):
        run_step(command, cwd=tmp_path, environment=dict(os.environ))


def test_run_step__shown__output_goes_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_step(
        [sys.executable, "-c", "print('seeding')"],
        cwd=tmp_path,
        environment=dict(os.environ),
        shown=True,
    )
    assert capfd.readouterr().out == "seeding\n"
