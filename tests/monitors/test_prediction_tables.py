from typing import Any

import pyarrow as pa
import pytest

from monitors.prediction_tables import with_one_type


@pytest.mark.parametrize(
    ("prediction", "label", "read"),
    [
        (pa.array([1, 0]), pa.array(["1", "0"]), [1, 0]),
        (pa.array([1, 0]), pa.array(["1.0", "-0"]), [1.0, 0.0]),
        (pa.array([1.5, 0.0]), pa.array(["1.5", None]).dictionary_encode(), [1.5, None]),
        (pa.array([2**60 + 1]), pa.array([str(2**60 + 1)]), [2**60 + 1]),
        (pa.array([True]), pa.array(["1"]), [1]),
        (pa.array([1, 0]), pa.array(["1", "n/a"]), ["1", "n/a"]),
        (pa.array(["a"]), pa.array(["1"]), ["1"]),
        (pa.array([1]), pa.array([2]), [2]),
        (pa.nulls(1), pa.array(["1"]), ["1"]),
    ],
)
def test_with_one_type__text_beside_numbers__is_numbers_where_it_reads_so(
    prediction: pa.Array, label: pa.Array, read: list[Any]
) -> None:
    for one, other in (("prediction", "label"), ("label", "prediction")):
        table = with_one_type(pa.table({one: prediction, other: label}))
        assert table[other].to_pylist() == read
        assert table[one].to_pylist() == prediction.to_pylist()


def test_with_one_type__no_labels__is_unchanged() -> None:
    table = pa.table({"prediction": ["1"]})
    assert with_one_type(table).equals(table)
