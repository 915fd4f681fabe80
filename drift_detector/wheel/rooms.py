"""Opens the service's folder to this package's own commands, and leaves it closed for those who import the package.

The service imports `algorithms`, which the installed package has inside itself. Both names lead to the same
modules: a class that was loaded twice would not be equal to itself.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

PACKAGE = __name__.rpartition(".")[0]
SERVICE = Path(__file__).resolve().parent / "_service"
SHARED = "algorithms"


class _SharedLoader(Loader):
    """Hands out the module of the package under its short name."""

    def __init__(self, own_name: str) -> None:
        self.own_name = own_name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.own_name)
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec  # the import system has put the short name's there


class _SharedFinder(MetaPathFinder):
    """Finds `algorithms` and what is below it in the package."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != SHARED:
            return None
        return ModuleSpec(fullname, _SharedLoader(f"{PACKAGE}.{fullname}"))


def open_rooms() -> None:
    """Put the service's folder first on the path, and lead `algorithms` into the package; twice changes nothing."""
    if str(SERVICE) in sys.path:
        return
    sys.path.insert(0, str(SERVICE))
    sys.meta_path.insert(0, _SharedFinder())
