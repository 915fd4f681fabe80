"""Runs docs/quickstart.md in an environment with the wheel and its bare dependencies: each command and each cell."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.drift_detector.wheel_environment import build_wheel, make_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quickstart.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `make wheel` and pip are the fixture's: the wheel is there, and its requirements are linked without a network.
PRELUDE = """
make() { test "$*" = wheel; }
pip() { test "$1" = install && test -f "$2"; }
"""
CELLS = """
import ast, sys

def run(cell, names):
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = last and eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    if hasattr(value, "_repr_html_"):
        print("SHOWN", value._repr_html_().count("<svg"))

names = {}
for cell in sys.stdin.read().split("# next cell\\n"):
    run(cell, names)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reader, with `dist` and an environment."""
    folder = tmp_path_factory.mktemp("quickstart")
    wheel = build_wheel(folder / "dist")
    python = make_environment(folder / "environment", wheel)
    drift = python.with_name("drift")
    drift.write_text(
        f"#!{python}\nimport sys\nfrom aumos_drift.__main__ import main\nsys.exit(main())\n"
    )
    drift.chmod(0o755)
    return folder


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE.read_text()) if found == language]


def cells(folder: Path, *sources: str) -> str:
    python = folder / "environment" / "bin" / "python"
    command = [str(python), "-c", CELLS]
    ran = subprocess.run(
        command,
        cwd=folder,
        input="# next cell\n".join(sources),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_quickstart__commands_and_cells__do_what_the_page_says(folder: Path) -> None:
    first, *later = blocks("python")
    cells(folder, first)
    path = f"{folder / 'environment' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    codes, outputs = [], []
    for line in "".join(blocks("bash")).splitlines():
        ran = subprocess.run(
            ["bash", "-c", f"{PRELUDE}\n{line}"],
            cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        codes.append(ran.returncode)
        outputs.append(ran.stdout)
        assert ran.returncode in (0, 1), ran.stderr
    assert codes == [0, 0, 0, 1, 0, 0, 0]
    assert "Verdict: drift. 2 of 3 features drifted" in outputs[3]
    assert '"verdict": "ok"' in outputs[5]
    assert "<svg" in (folder / "july.html").read_text()
    found = cells(folder, first, *later)
    assert "SHOWN 3" in found
    assert "Drift in carrier, delay" in found or "Drift in delay, carrier" in found
