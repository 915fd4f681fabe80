"""Names of values, against Python's own notion of equality."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from algorithms.decimals import decimals_to_float64
from algorithms.errors import UnusableColumn
from algorithms.identity import find_writings, name_values
from algorithms.value_types import ValueType, value_type_of

T = ValueType


def names(values: Any, data_type: pa.DataType, contract: ValueType) -> list[str | None]:
    found: list[str | None] = name_values(pa.array(values, data_type), contract).to_pylist()
    return found


@pytest.mark.parametrize(
    "data_type",
    [
        pa.int64(),
        pa.uint64(),
        pa.float64(),
        pa.decimal128(25, 4),
        pa.decimal256(60, 0),
        pa.string(),
    ],
)
@pytest.mark.parametrize("contract", [T.INTEGER, T.FLOAT64, T.DECIMAL])
def test_name_values__equal_numbers_of_any_type__one_name(
    data_type: pa.DataType, contract: ValueType
) -> None:
    whole = [0, 7, 10_000_000_001, 2**53]
    is_decimal, is_text = pa.types.is_decimal(data_type), pa.types.is_string(data_type)
    values = (
        [Decimal(v) for v in whole] if is_decimal else [str(v) for v in whole] if is_text else whole
    )
    assert names(values, data_type, contract) == [str(v) for v in whole]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=9))
def test_name_values__integers_beyond_2_to_the_53__stay_apart(values: list[int]) -> None:
    assert names(values, pa.int64(), T.INTEGER) == [str(value) for value in values]


@pytest.mark.parametrize(
    "data_type", [pa.string(), pa.decimal256(60, 0), pa.decimal256(60, 20)], ids=str
)
def test_name_values__ids_of_forty_digits__stay_apart(data_type: pa.DataType) -> None:
    ids = [10**39 + 1, 10**39 + 2, 12 * 10**38]
    is_text = pa.types.is_string(data_type)
    values = [str(each) if is_text else Decimal(each) for each in ids]
    assert names(values, data_type, T.DECIMAL) == [str(each) for each in ids]


@pytest.mark.parametrize(
    ("contract", "number"), [(T.FLOAT64, 0.1 * 3), (T.FLOAT32, np.float32(0.1)), (T.FLOAT64, 1e-7)]
)
def test_name_values__float_and_its_digits_as_text__one_name(
    contract: ValueType, number: float
) -> None:
    stored = pa.float32() if contract is T.FLOAT32 else pa.float64()
    text = [repr(float(number))]
    assert names(text, pa.string(), contract) == names([number], stored, contract)


@pytest.mark.parametrize("text", ["1_000", "١", "0x10", "NaN", "inf", "1e", ".", "1e99999", "--1"])
def test_name_values__text_that_only_python_calls_a_number__is_text(text: str) -> None:
    assert names([text], pa.string(), T.INTEGER) == [text]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
@example([-0.0, 0.1 + 0.2, 5e-324])
def test_name_values__floats__name_gives_the_float_back_to_15_digits(values: list[float]) -> None:
    found = names(values, pa.float64(), T.FLOAT64)
    expected = [
        each if each.is_integer() and abs(each) < 2**63 else float(f"{each:.15g}")
        for each in values
    ]
    assert [float(name or "") for name in found] == expected


@given(st.lists(st.decimals(-(10**9), 10**9, places=6), min_size=1, max_size=9))
def test_name_values__decimals_and_floats_of_the_same_digits__one_name(
    values: list[Decimal],
) -> None:
    assert names(values, pa.decimal128(20, 6), T.FLOAT64) == names(
        [float(value) for value in values], pa.float64(), T.FLOAT64
    )


def test_name_values__float32_and_float64__one_name_in_the_narrower_type() -> None:
    assert names([19.99, 0.1], pa.float32(), T.FLOAT64) == ["19.99", "0.1"]
    assert names([19.989999771118164], pa.float64(), T.FLOAT32) == ["19.99"]


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([True, False], pa.bool_()), ([1, 0], pa.int8()), ([1.0, -0.0], pa.float64()),
        (["True", "FALSE"], pa.string()), (["1", "0.0"], pa.string()), (["yes", "no"], pa.string()),
        ([Decimal("1.00"), Decimal("0.00")], pa.decimal128(5, 2)),
    ],
)  # fmt: skip
def test_name_values__booleans__are_0_and_1(values: list[Any], data_type: pa.DataType) -> None:
    assert names(values, data_type, T.BOOLEAN) == ["true", "false"]
    if not pa.types.is_string(data_type):
        assert names(values, data_type, T.INTEGER) == ["1", "0"]


@pytest.mark.parametrize("text", ["02134", "1.10", "NA", "10000000003.0", "True", " x ", "", "1e3"])
def test_name_values__text__keeps_its_letters(text: str) -> None:
    assert names([text], pa.large_string(), T.TEXT) == [text]


def test_name_values__text_that_is_no_number__is_itself_under_a_contract_of_numbers() -> None:
    assert names(["unknown", "7", "7.0"], pa.string(), T.INTEGER) == ["unknown", "7", "7"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "-05:00"])
def test_name_values__one_instant_in_any_unit_and_zone__one_name(
    unit: str, zone: str | None
) -> None:
    instant = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    stored = instant.replace(tzinfo=None) if zone is None else instant
    assert names([stored], pa.timestamp(unit, zone), T.INSTANT) == ["2024-03-31T01:30:00"]


def test_name_values__date__is_its_midnight() -> None:
    day = [date(2024, 1, 1)]
    midnight = [datetime(2024, 1, 1)]
    for contract in (T.DATE, T.INSTANT):
        found = [names(day, kind, contract) for kind in (pa.date32(), pa.date64())]
        found.append(names(midnight, pa.timestamp("us"), contract))
        found.append(names(["2024-01-01T01:00:00+01:00"], pa.string(), contract))
        assert found == [["2024-01-01"]] * 4


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_name_values__ends_of_the_calendar__are_named(year: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, 999_999)
    assert names([moment], pa.timestamp("us"), T.INSTANT) == [moment.isoformat()]


@given(
    st.lists(
        # Hours of the first day of year 1 in Tokyo are before the first instant of UTC.
        st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(ZoneInfo("Asia/Tokyo"))),
        min_size=1,
        max_size=5,
    )
)
def test_name_values__instants__equal_names_for_equal_instants(moments: list[datetime]) -> None:
    found = names(moments, pa.timestamp("us", "UTC"), T.INSTANT)
    assert len(set(found)) == len({moment.astimezone(UTC) for moment in moments})


def test_name_values__durations__in_any_unit() -> None:
    span = [timedelta(seconds=1.5)]
    assert names(span, pa.duration("ms"), T.DURATION) == names(span, pa.duration("ns"), T.DURATION)


@pytest.mark.parametrize(
    ("contract", "data_type", "value"),
    [
        (T.TEXT, pa.int64(), 1), (T.TEXT, pa.bool_(), True), (T.INTEGER, pa.timestamp("s"), 0),
        (T.INSTANT, pa.int64(), 0), (T.DURATION, pa.float64(), 1.0), (T.DURATION, pa.string(), "1"),
    ],
)  # fmt: skip
def test_name_values__another_kind_of_values__is_refused_by_both_types(
    contract: ValueType, data_type: pa.DataType, value: Any
) -> None:
    words = {pa.int64(): "integer", pa.bool_(): "boolean", pa.float64(): "float64"}
    found = words.get(data_type, "text" if data_type == pa.string() else "instant")
    with pytest.raises(UnusableColumn, match=f"Expected {contract} values.* holds {found}"):
        name_values(pa.array([value], data_type), contract)


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        (ValueType.INTEGER, {"7": "7", "1": "1.0", "12.5": "12.50", "0": "0"}),
        (ValueType.FLOAT64, {"7": "7", "1": "1.0", "12.5": "12.50", "0": "0"}),
        (ValueType.BOOLEAN, {"1": "True", "0": "no"}),
        (ValueType.INSTANT, {"2024-07-01": "2024-07-01"}),
    ],
)
def test_find_writings__are_the_words_of_the_values(
    contract: ValueType, expected: dict[str, str]
) -> None:
    words = pa.array(["True", "no", "7", "1.0", "1", "02134", "12.50", "0", "a", "2024-07-01"])
    assert find_writings(words, contract) == expected


def test_value_type_of__dictionary__is_that_of_its_values() -> None:
    assert value_type_of(pa.dictionary(pa.int32(), pa.string())) is T.TEXT


@given(
    st.lists(st.none() | st.decimals(-(10**29), 10**29, places=8), max_size=9),
    st.sampled_from([pa.decimal128(38, 8), pa.decimal256(60, 8)]),
)
def test_decimals_to_float64__any__is_the_nearest_float(
    values: list[Decimal | None], data_type: pa.DataType
) -> None:
    """Python divides whole numbers with one correct rounding."""
    expected = [np.nan if v is None else float(Fraction(v)) for v in values]
    np.testing.assert_array_equal(decimals_to_float64(pa.array(values, data_type)), expected)


@given(st.lists(st.integers(-(10**8), 10**8), min_size=1, max_size=30), st.integers(0, 5))
def test_decimals_to_float64__cents__are_the_floats_that_people_write(
    cents: list[int], start: int
) -> None:
    for data_type in (pa.decimal64(12, 2), pa.decimal128(12, 2), pa.decimal256(12, 2)):
        column = pa.array([Decimal(each) / 100 for each in cents], data_type)[start:]
        expected = [float(f"{Decimal(each) / 100}") for each in cents[start:]]
        np.testing.assert_array_equal(decimals_to_float64(column), expected)
