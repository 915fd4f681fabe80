"""Builds the wheel, and makes environments that hold it with its bare dependencies and nothing else."""

import re
import subprocess
import sys
import sysconfig
from email import message_from_bytes
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path
from venv import EnvBuilder
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[A-Za-z0-9._-]+")


def build_wheel(folder: Path) -> Path:
    """The wheel of this repository, built by its backend without a network."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*build, "--directory", folder], cwd=ROOT, check=True, capture_output=True, text=True
    )
    [wheel] = folder.glob("*.whl")
    return wheel


def metadata_of(wheel: Path) -> Message:
    with ZipFile(wheel) as content:
        [name] = [each for each in content.namelist() if each.endswith(".dist-info/METADATA")]
        return message_from_bytes(content.read(name))


def bare_requirements(wheel: Path) -> list[str]:
    """The requirements without an extra, as names."""
    wanted = metadata_of(wheel).get_all("Requires-Dist", [])
    return [_name(each) for each in wanted if "extra ==" not in each]


def make_environment(folder: Path, wheel: Path, *more: str) -> Path:
    """An environment of its own with the wheel and what it requires, linked from this one.

    Args:
        folder: Where it is made.
        wheel: The wheel.
        more: Packages beside the wheel's own requirements.

    Returns:
        Its Python.
    """
    EnvBuilder(with_pip=False, symlinks=True).create(folder)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    site = Path(paths["purelib"])
    with ZipFile(wheel) as content:
        content.extractall(site)
    for name in _with_requirements([*bare_requirements(wheel), *more]):
        _link(name, site)
    return Path(paths["scripts"]) / "python"


def _name(requirement: str) -> str:
    found = NAME.match(requirement)
    assert found
    return found[0]


def _with_requirements(names: list[str]) -> set[str]:
    """The packages with all that they require."""
    known: set[str] = set()
    while names:
        name = names.pop()
        if name not in known:
            known.add(name)
            wanted = distribution(name).requires or []
            names += [_name(each) for each in wanted if ";" not in each]
    return known


def _link(name: str, site: Path) -> None:
    """Link the files and folders of an installed package."""
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "bin")}
    for top in tops - {"__pycache__"}:
        link = site / top
        if not link.exists():
            link.symlink_to(Path(str(found.locate_file(top))))
