"""Names the types of the numpy arrays that the numerics take and return."""

from typing import Any

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type IntArray = npt.NDArray[np.int64]
type BoolArray = npt.NDArray[np.bool_]
type CodeArray = npt.NDArray[np.unsignedinteger[Any]]
