"""Streams of errors, made from a seed."""

import numpy as np
import numpy.typing as npt

from algorithms.concept_drift.detector_registry import ConceptMethod

type Stream = npt.NDArray[np.float64]


def bernoulli(*rates: float, each: int = 3000, seed: int = 0) -> Stream:
    """Errors, `each` at one rate after the other."""
    random = np.random.default_rng(seed)
    return np.concatenate([(random.random(each) < rate).astype(np.float64) for rate in rates])


def gaussian(*means: float, each: int = 3000, scale: float = 1.0, seed: int = 0) -> Stream:
    """Normal numbers, `each` with one mean after the other."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(mean, scale, each) for mean in means])


ALL = list(ConceptMethod)
