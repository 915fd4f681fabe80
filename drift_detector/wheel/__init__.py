"""Compares datasets and finds drift: `compare(reference, current)` and `Baseline`.

The build puts this folder at the top of the installed package, with `algorithms` inside it.
"""

from importlib.metadata import version

from .algorithms.library import (  # type: ignore[import-not-found]  # in the installed package
    Baseline,
    Comparison,
    compare,
)

__version__ = version("aumos-drift-detector")
__all__ = ["Baseline", "Comparison", "__version__", "compare"]
