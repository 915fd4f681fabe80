"""Conditions on one feature: the rows that their text chooses, as a run finds them, are the oracle."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.slices.coded_features import code_feature
from algorithms.slices.matching import find_rows, read_column
from algorithms.slices.parsing import parse_condition

N, C = FeatureKind.NUMERIC, FeatureKind.CATEGORICAL
ROWS = 3000
START = datetime(2024, 1, 1, tzinfo=UTC)


def columns() -> dict[str, tuple[FeatureKind, Any]]:
    random = np.random.default_rng(0)
    normal = random.normal(size=ROWS)
    return {
        "plain": (N, normal),
        "far away": (N, 1e9 + normal),
        "tiny": (N, normal * 1e-9),
        "holes": (N, pa.array(normal, mask=random.random(ROWS) < 0.2)),
        "heavy": (N, np.where(random.random(ROWS) < 0.6, 0.1, normal)),
        "hour": (N, random.integers(0, 24, ROWS)),
        "narrow": (N, normal.astype(np.float32)),
        "wide": (N, pa.array([2**60 + int(each) for each in random.integers(0, 999, ROWS)])),
        "when": (N, pa.array([START + timedelta(minutes=int(each)) for each in random.integers(0, 9999, ROWS)])),
        "constant": (N, np.ones(ROWS)),
        'a "b" c': (C, random.choice(["it's", "x y", "ü"], ROWS)),
        "and": (C, random.choice([1, 2, 30], ROWS)),
        "flag": (C, random.random(ROWS) < 0.3),
        "many": (C, [f"id{each}" for each in random.zipf(1.3, ROWS)]),
        "empty": (C, pa.array(["a", None] * (ROWS // 2))),
    }  # fmt: skip


@pytest.mark.parametrize("name", columns())
def test_code_feature__each_condition__chooses_the_rows_of_its_cells(name: str) -> None:
    kind, values = columns()[name]
    table = pa.table({name: values})
    reference = Baseline.fit(table, {name: kind}).features[name]
    chunks = table[name].chunks
    coded = code_feature(reference, chunks, chunks)
    read = {name: read_column(reference, chunks)}
    assert len(coded.predicates) >= (1 if name == "constant" else 2)
    for each in coded.predicates:
        rows = find_rows(parse_condition(each.text), read)
        assert rows.tolist() == np.flatnonzero(each.cells[coded.current]).tolist(), each.text


def test_code_feature__numbers__conditions_are_short_and_cells_even() -> None:
    table = pa.table({"x": np.random.default_rng(1).normal(size=ROWS)})
    reference = Baseline.fit(table, {"x": N}).features["x"]
    coded = code_feature(reference, table["x"].chunks, table["x"].chunks)
    counts = np.bincount(coded.current, minlength=coded.cells)[:-1]
    assert counts.min() > 0.07 * ROWS
    assert max(len(each.text) for each in coded.predicates) < 30


def test_code_feature__new_category__has_a_condition() -> None:
    before, after = pa.table({"c": ["a", "b"] * 50}), pa.table({"c": ["a", "new"] * 50})
    reference = Baseline.fit(before, {"c": C}).features["c"]
    coded = code_feature(reference, before["c"].chunks, after["c"].chunks)
    assert "c = 'new'" in {each.text for each in coded.predicates}
