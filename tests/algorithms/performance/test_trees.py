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


@pytest.mark.parametrize("unknown", [slice(None), slice(250), slice(250, None)])
def test_trees__column_without_a_value__learn_from_the_others(unknown: slice) -> None:
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(500, 2))
    target = np.abs(columns[:, 0])
    columns[unknown, 1] = np.nan
    found = Trees.fit(columns[250:], target[250:]).predict(columns[250:])
    assert np.corrcoef(found, target[250:])[0, 1] > 0.9


@pytest.mark.parametrize("unit", [2.0**-200, 2.0**130])
def test_trees__other_unit_of_the_target__predict_in_that_unit(unit: float) -> None:
    rng = np.random.default_rng(4)
    columns, target = rng.normal(size=(300, 2)), rng.random(300)
    usual = Trees.fit(columns, target).predict(columns)
    assert Trees.fit(columns, target * unit).predict(columns) == pytest.approx(usual * unit)
