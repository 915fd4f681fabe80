"""Builds the wheel and looks inside; installs it beside its bare dependencies, and uses it there."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from tests.drift_detector.wheel_environment import (
    bare_requirements,
    build_wheel,
    make_environment,
    metadata_of,
)

ONE_MODULE = """
import sys
import aumos_drift
from aumos_drift.rooms import open_rooms
assert not any("_service" in each for each in sys.path)
open_rooms()
import algorithms.verdicts, algorithms.library.table_comparison, algorithms, monitors.sources
import aumos_drift.algorithms.verdicts as own
assert algorithms is aumos_drift.algorithms
assert algorithms.verdicts is own
assert algorithms.library.table_comparison.Verdict is own.Verdict
assert monitors.sources.__name__ == "monitors.sources"
twice = [name for name in sys.modules if name.startswith("algorithms.")]
assert twice and all(sys.modules[f"aumos_drift.{name}"] is sys.modules[name] for name in twice)
assert own.__spec__.name == own.__name__ == "aumos_drift.algorithms.verdicts"
print(sorted(name for name in sys.modules if name.split(".")[0] in {"django", "celery", "sklearn", "pandas"}))
"""
BROUGHT = frozenset({"billiard", "kombu", "pydantic"})
"""Parts of Celery and of pydantic-settings, which say the versions that fit."""
IMPORT_TIME = """
import time
first = time.perf_counter()
import numpy, pyarrow
second = time.perf_counter()
import aumos_drift
print(second - first, time.perf_counter() - second)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The Python of an environment with the wheel and its bare dependencies."""
    return make_environment(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture
def sides(tmp_path: Path) -> list[pa.Table]:
    """A reference and drifted data, which also lie in `before.parquet` and `after.parquet`."""
    random = np.random.default_rng(0)
    tables = [pa.table({"x": random.normal(shift, 1.0, 1000)}) for shift in (0.0, 1.0)]
    for name, each in zip(("before", "after"), tables, strict=True):
        pq.write_table(each, tmp_path / f"{name}.parquet")
    return tables


def canonical(requirement: str) -> str:
    """The name of a package in the form in which names are compared (PEP 503)."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_by(tree: ast.AST) -> Iterator[str]:
    """The top names that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process without a single environment variable."""
    command = [str(python), *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def test_wheel__top_level_names__are_the_package_and_its_metadata(wheel: Path) -> None:
    with ZipFile(wheel) as content:
        files = content.namelist()
    assert {name.split("/")[0] for name in files} == {
        "aumos_drift",
        f"aumos_drift_detector-{metadata_of(wheel)['Version']}.dist-info",
    }
    assert {name.split("/")[1] for name in files if name.count("/") > 1} >= {
        "algorithms",
        "_service",
    }
    assert [name for name in files if "/tests/" in name or name.endswith(".pyc")] == []


def test_wheel__says_that_it_has_types(wheel: Path) -> None:
    with ZipFile(wheel) as content:
        assert "aumos_drift/py.typed" in content.namelist()


def test_wheel__imports__are_of_packages_that_it_requires(wheel: Path) -> None:
    """The Python environment says which package has a module; Django's own apps come with Django."""
    wanted = metadata_of(wheel).get_all("Requires-Dist", [])
    required = {canonical(each) for each in wanted if "extra == 'dev'" not in each}
    packages = packages_distributions()
    with ZipFile(wheel) as content:
        sources = {name: content.read(name) for name in content.namelist() if name.endswith(".py")}
    undeclared = [
        f"{name}: {module}"
        for name, source in sources.items()
        for module in imported_by(ast.parse(source))
        if module in packages.keys() - BROUGHT
        and not required.intersection(map(canonical, packages[module]))
    ]
    assert undeclared == []


def test_wheel__metadata__has_the_licence_the_extras_and_the_python(wheel: Path) -> None:
    found = metadata_of(wheel)
    assert found["Name"] == "aumos-drift-detector"
    assert (found["License-Expression"], found["Requires-Python"]) == ("Apache-2.0", ">=3.12")
    assert {"server", "reports", "embedded", "tracing"} <= set(found.get_all("Provides-Extra", []))
    assert set(found.get_all("License-File", [])) == {"LICENSE", "NOTICE"}
    assert sorted(bare_requirements(wheel)) == ["numba", "numpy", "pyarrow", "scipy"]


@pytest.mark.slow
def test_installed__bare__loads_each_module_once_and_no_server(
    python: Path, tmp_path: Path
) -> None:
    found = run(python, tmp_path, "-c", ONE_MODULE)
    assert (found.returncode, found.stdout, found.stderr) == (0, "[]\n", "")


@pytest.mark.slow
def test_installed__check__answers_as_documented(
    python: Path, tmp_path: Path, sides: list[pa.Table]
) -> None:
    check = ("-m", "aumos_drift", "check")
    found = run(python, tmp_path, *check, "before.parquet", "after.parquet", "--json")
    assert found.returncode == 1
    ks = json.loads(found.stdout)["outcomes"][0]
    expected = stats.ks_2samp(*(each["x"].to_numpy() for each in sides)).statistic
    assert ks["statistic"] == pytest.approx(expected, abs=1e-12)
    assert run(python, tmp_path, *check, "before.parquet", "before.parquet").returncode == 0
    missing = run(python, tmp_path, *check, "before.parquet", "nowhere.parquet")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == "drift: There is nothing at ‘nowhere.parquet’.\n"


@pytest.mark.slow
def test_installed__import__takes_a_time_beside_that_of_numpy_and_pyarrow(
    python: Path, tmp_path: Path
) -> None:
    run(python, tmp_path, "-c", "import aumos_drift")  # writes the byte code
    found = run(python, tmp_path, "-c", IMPORT_TIME)
    peers, own = map(float, found.stdout.split())
    sys.stdout.write(f"aumos_drift: {own:.2f} s, after numpy and pyarrow: {peers:.2f} s\n")
    assert found.stderr == ""


@pytest.mark.slow
def test_plan__without_the_extra__says_what_to_install(python: Path, tmp_path: Path) -> None:
    answer = run(python, tmp_path, "-m", "aumos_drift", "plan", "flights.yaml")
    said = "drift: This needs the extra client: pip install 'aumos-drift-detector[client]'.\n"
    assert (answer.returncode, answer.stderr) == (2, said)
