"""A process of the service starts soon and holds little memory."""

import gc
import sys
from importlib.abc import MetaPathFinder
from typing import Any

OBJECTS_PER_COLLECTION = 50_000
"""Imports make a million objects that stay; Python's 2,000 would look through them hundreds of times."""


def start_lean() -> None:
    """Call it before the settings are loaded, in a process that converts no data frames as it starts."""
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    if "pandas" not in sys.modules:
        _load_arrow_without_pandas()


def _load_arrow_without_pandas() -> None:
    """Pyarrow looks for pandas at its first conversion, and once more when it is asked for a data frame."""
    hidden = _HiddenPandas()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow as pa

        pa.scalar(0)
    finally:
        sys.meta_path.remove(hidden)


class _HiddenPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)
