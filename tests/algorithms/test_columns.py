import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from algorithms.categories import count_categories
from algorithms.columns import FeatureKind, guess_kind, to_float64
from algorithms.errors import UnusableColumn

MOMENT = dt.datetime(2024, 5, 6, 7, 8, 9, 500_000)
SECONDS = MOMENT.replace(tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "data_type", "expected"),
    [
        (7, pa.uint64(), 7.0),
        (1.5, pa.float16(), 1.5),
        (True, pa.bool_(), 1.0),
        (Decimal("12.25"), pa.decimal128(10, 2), 12.25),
        (Decimal("12.25"), pa.decimal256(40, 2), 12.25),
        (dt.date(1970, 1, 3), pa.date32(), 172_800.0),
        (dt.date(1970, 1, 3), pa.date64(), 172_800.0),
        (MOMENT, pa.timestamp("ms"), SECONDS),
        (MOMENT, pa.timestamp("ns", tz="UTC"), SECONDS),
        (dt.timedelta(minutes=1), pa.duration("us"), 60.0),
        (None, pa.null(), None),
    ],
)
def test_to_float64__each_numeric_type__seconds_or_number(
    value: Any, data_type: pa.DataType, expected: Any
) -> None:
    found = to_float64(
        pa.chunked_array([pa.array([value], data_type), pa.array([None], data_type)])
    )
    assert found[0] == pytest.approx(expected) if expected is not None else np.isnan(found[0])
    assert np.isnan(found[1])
    assert found.dtype == np.float64


@pytest.mark.parametrize("values", [["a"], [b"a"], [[1]], [{"x": 1}]])
def test_to_float64__other_types__unusable(values: list[Any]) -> None:
    with pytest.raises(UnusableColumn, match="holds"):
        to_float64(pa.array(values))


@pytest.mark.parametrize(
    "data_type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
)
def test_count_categories__each_text_type__same_counts(data_type: pa.DataType) -> None:
    column = pa.chunked_array(
        [pa.array(["b", None, ""]).cast(data_type), pa.array(["b"]).cast(data_type)]
    )
    counted = count_categories(column)
    assert dict(zip(counted.categories.to_pylist(), counted.counts.tolist(), strict=True)) == {
        "b": 2,
        "": 1,
    }
    assert (counted.rows, counted.nulls) == (3, 1)


@pytest.mark.parametrize(
    ("data_type", "kind"),
    [
        (pa.bool_(), FeatureKind.CATEGORICAL),
        (pa.string_view(), FeatureKind.CATEGORICAL),
        (pa.dictionary(pa.int8(), pa.large_string()), FeatureKind.CATEGORICAL),
        (pa.int8(), FeatureKind.NUMERIC),
        (pa.float32(), FeatureKind.NUMERIC),
        (pa.decimal128(5, 1), FeatureKind.NUMERIC),
        (pa.date32(), FeatureKind.NUMERIC),
        (pa.timestamp("s"), FeatureKind.NUMERIC),
        (pa.duration("s"), FeatureKind.NUMERIC),
        (pa.list_(pa.int8()), None),
        (pa.struct([("x", pa.int8())]), None),
        (pa.binary(), None),
        (pa.null(), None),
    ],
)
def test_guess_kind__each_type__kind_or_none(
    data_type: pa.DataType, kind: FeatureKind | None
) -> None:
    assert guess_kind(data_type) is kind
