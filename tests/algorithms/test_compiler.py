import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numba
import pytest

import algorithms
from algorithms.kernels.compiler import jit

SOURCE = "def twice(value):\n    return 2 * value\n"


def test_jit__function_without_a_place_for_a_cache__is_compiled_all_the_same() -> None:
    names: dict[str, object] = {}
    exec(
        compile(SOURCE, "<nowhere>", "exec"), names
    )  # numba finds no file beside which it could keep it
    twice = jit(names["twice"])  # type: ignore[type-var]
    assert isinstance(twice, numba.core.dispatcher.Dispatcher)
    assert twice(21) == 42


PROBE = (
    "from algorithms.kernels.compiler import jit\n\n@jit\ndef twice(value):\n    return 2 * value\n"
)
CALL = """
import json, os, sys, numba
numba.njit(lambda value: value)(1)  # imports what is imported late
if sys.argv[2:] == ["other"] and os.getuid() == 0:
    os.setuid(65534)  # after the import of libraries that lie in root's own folder
sys.path.insert(0, sys.argv[1])
from probe import twice
twice(21)
stats = twice.stats
print(json.dumps([sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), stats.cache_path]))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all may read, as pytest's own are not."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def package(folder: Path) -> Path:
    """A package with a kernel."""
    own = Path(algorithms.__path__[0])
    for name in (
        "__init__.py",
        "kernels/__init__.py",
        "kernels/compiler.py",
        "kernels/kernel_cache.py",
    ):
        copy = folder / "algorithms" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own / name, copy)
    (folder / "probe.py").write_text(PROBE)
    return folder


def called(package: Path, who: str, home: str = "/nonexistent") -> tuple[int, int, str | None]:
    """Kernels that a process has loaded and compiled, and the folder that it writes."""
    environment = {"HOME": home, "PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [sys.executable, "-c", CALL, str(package), who],
        env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    hits, misses, path = json.loads(ran.stdout)
    return hits, misses, path


def test_jit__folder_that_another_user_wrote__is_loaded_though_it_cannot_be_written(
    package: Path,
) -> None:
    assert called(package, "owner")[:2] == (0, 1)
    (package / "__pycache__").chmod(0o555)
    assert called(package, "other") == (1, 0, None)


def test_jit__no_folder_to_keep_code_in__is_compiled_all_the_same(package: Path) -> None:
    package.chmod(0o555)
    assert called(package, "other") == (0, 1, None)


def test_jit__kernel_that_the_package_lacks__is_kept_in_the_users_cache(package: Path) -> None:
    (package / "__pycache__").mkdir(mode=0o555)
    home = package / "home"
    home.mkdir()
    home.chmod(0o777)
    found = [called(package, "other", str(home)) for _ in range(2)]
    assert [each[:2] for each in found] == [(0, 1), (1, 0)]
    assert str(found[0][2]).startswith(str(home))
