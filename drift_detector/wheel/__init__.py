"""Compares datasets and finds drift: `compare(reference, current)` and `Baseline`.

The build puts this folder at the top of the installed package, with `algorithms` inside it.
"""

from .algorithms.library import (  # type: ignore[import-not-found]  # in the installed package
    Baseline,
    Comparison,
    compare,
)
from .algorithms.version import VERSION  # type: ignore[import-not-found]

__version__ = VERSION
__all__ = ["Baseline", "Comparison", "__version__", "compare"]
