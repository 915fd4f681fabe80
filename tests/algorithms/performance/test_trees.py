import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from algorithms.arrays import FloatArray
from algorithms.performance.trees import TREES, Trees


def columns_of(rng: np.random.Generator, rows: int) -> FloatArray:
    """Numbers with unknown ones and infinities among them."""
    columns = rng.normal(size=(rows, 4))
    columns[rng.random(columns.shape) < 0.1] = np.nan
    columns[:20, 1], columns[20:40, 1] = np.inf, -np.inf
    return columns


@pytest.mark.parametrize("rows", [50, 3000])
def test_trees__new_rows__sklearns_predictions(rows: int) -> None:
    rng = np.random.default_rng(rows)
    columns, window = columns_of(rng, rows), columns_of(rng, 2000)
    target = np.abs(np.nan_to_num(columns[:, 0]) * rng.normal(size=rows))
    model = HistGradientBoostingRegressor(max_iter=TREES, early_stopping=False, random_state=0)
    model.fit(np.clip(columns, -1e300, 1e300), target)
    found = Trees.fit(columns, target).predict(window)
    assert found == pytest.approx(model.predict(np.clip(window, -1e300, 1e300)), abs=1e-12)


def test_trees__arrays_of_a_bundle__round_trip() -> None:
    rng = np.random.default_rng(0)
    columns = columns_of(rng, 500)
    trees = Trees.fit(columns, rng.random(500))
    again = Trees.from_arrays(trees.to_arrays())
    assert again.predict(columns).tolist() == trees.predict(columns).tolist()
