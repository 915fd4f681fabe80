"""Batches of outcomes in odd shapes."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.outcomes.outcome_tables import (
    COLUMNS,
    rows_from_arrow,
    rows_from_json,
    rows_from_ndjson,
    with_times,
)
from detections.outcomes.refusals import BadOutcomes


def arrow(**columns: Any) -> bytes:
    sink = io.BytesIO()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("seed", range(20))
def test_rows_from_arrow__damaged_bytes__are_refused_or_read_but_never_crash(seed: int) -> None:
    random = np.random.default_rng(seed)
    words = pa.array(["a", "b", "a"]).dictionary_encode()
    whole = np.frombuffer(arrow(prediction=words, label=words, score=[0.1, 0.2, None]), np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        try:
            rows = rows_from_arrow(damaged.tobytes())
        except BadOutcomes:
            continue
        assert set(rows.column_names) == set(COLUMNS)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 0], pa.decimal128(5, 2)), pa.array([True, False]), pa.array([1, 0], pa.uint8()),
        pa.array([1.0, 0.0], pa.float32()),
    ],
)  # fmt: skip
def test_rows_from_arrow__numbers_of_any_kind__are_floats(column: pa.Array) -> None:
    rows = rows_from_arrow(arrow(prediction=column, label=[1, 1]))
    assert rows["prediction"].to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_rows_from_arrow__texts_of_any_kind__are_texts(kind: pa.DataType) -> None:
    assert rows_from_arrow(arrow(prediction=pa.array(["a"], kind), label=["b"]))[
        "prediction"
    ].to_pylist() == ["a"]


def test_rows_from_arrow__views__are_refused() -> None:
    with pytest.raises(BadOutcomes, match="not string_view"):  # many of them may show one long text
        rows_from_arrow(arrow(prediction=pa.array(["a"], pa.string_view()), label=["b"]))


def test_rows_from_arrow__dictionary_of_numbers__is_numbers() -> None:
    column = pa.array([3, 3, 5]).dictionary_encode()
    assert rows_from_arrow(arrow(prediction=column, label=[3, 3, 3]))["prediction"].to_pylist() == [
        3.0,
        3.0,
        5.0,
    ]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ns", "Europe/Berlin"), pa.date32()]
)
def test_rows_from_arrow__times_of_any_kind__are_instants(kind: pa.DataType) -> None:
    rows = rows_from_arrow(
        arrow(
            error=[0.0],
            occurred_at=pa.array([0], pa.int64())
            .cast(pa.int32() if kind == pa.date32() else pa.int64())
            .cast(kind),
        )
    )
    assert rows["occurred_at"][0].as_py().isoformat() == "1970-01-01T00:00:00+00:00"


def test_rows_from_json__too_many__are_refused() -> None:
    with pytest.raises(BadOutcomes, match="at most 200000 rows"):
        rows_from_json({"error": [0] * 200_001})


@pytest.mark.parametrize(
    "body", [5, "text", None, {"error": 1}, [None], {"error": {"a": 1}}, [{"error": float("nan")}]]
)
def test_rows_from_json__no_outcomes__are_refused(body: Any) -> None:
    with pytest.raises(BadOutcomes):
        rows_from_json(body)


@pytest.mark.parametrize(
    "line", [b"{", b"[1]", b"NaN", b'{"error": 1e400}', b'{"prediction": "\\ud800", "label": "a"}']
)
def test_rows_from_ndjson__bad_line__is_refused(line: bytes) -> None:
    with pytest.raises(BadOutcomes):
        rows_from_ndjson(b'{"error": 1}\n' + line)


def test_rows_from_ndjson__empty_lines__are_skipped() -> None:
    assert rows_from_ndjson(b'\n{"error": 1}\n\n{"error": 0}\n').num_rows == 2


def test_with_times__missing_times__are_now() -> None:
    rows = rows_from_json([{"error": 1}, {"error": 1, "occurred_at": "2026-01-01T00:00:00Z"}])
    times = with_times(rows)["occurred_at"].to_pylist()
    assert times[0] > times[1]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"error": [1.0, 0.0], "occurred_at": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"]},
         "occurred_at of outcome 1 is '2026-01-01T00:00:00'; it must be .* no time zone"),
        ({"error": [1.0], "occurred_at": ["noon"]}, "occurred_at of outcome 0 is 'noon'; it must be a time in ISO"),
        ({"error": [1.0], "occurred_at": ["x" * 500]}, "is 'x{40,60}…; it must be"),
        ({"error": [1.0], "occurred_at": [1.5]}, "occurred_at of outcome 0 is 1.5; it must be a time"),
        ({"error": [0.0] * 2, "occurred_at": pa.array([0, 2**62], pa.timestamp("s"))},
         f"occurred_at of outcome 1 is {2**62}; it must be neither before the year 1"),
        ({"error": [0.0], "occurred_at": pa.array([-(2**63)], pa.timestamp("ms"))}, "before the year 1"),
        ({"error": [0.0], "occurred_at": pa.array([2**31 - 1], pa.int32()).cast(pa.date32())}, "before the year 1"),
        ({"error": [0.0] * 2, "score": pa.array([1, 2], pa.decimal128(5, 2))}, "score of outcome 1 is 2.00; it must"),
        ({"error": [0.0, np.inf]}, "error of outcome 1 is inf; it must be a finite number"),
        ({"error": [True, "x"][:1], "score": [b"x"]}, "score must be a number, not binary"),
        ({"label": ["a"] * 3, "prediction": ["a", "b", "c\0"]}, r"prediction of outcome 2 is 'c\\x00'; it must"),
        ({"label": ["a"] * 2, "prediction_id": ["a", "b" * 201]}, "prediction_id of outcome 1 is 'b{40,60}…; it must"),
        ({"label": [1, 2], "prediction": ["a", "b"]}, "prediction of outcome 0 is 'a' and label of outcome 0 is 1.0"),
        ({"label": pa.array([1, 2**53 + 1], pa.uint64()), "prediction": [1, 2]}, "label of outcome 1 is 90071992547"),
        ({"label": pa.array([2**60], pa.decimal128(38, 0)), "prediction": [1]}, "label of outcome 0 is 11529"),
        ({"label": pa.array([2**60]).dictionary_encode(), "prediction": [1]}, "whole numbers beyond 2..53"),
    ],
)  # fmt: skip
def test_rows_from_arrow__bad_cell__names_its_column_value_and_row(
    columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadOutcomes, match=said) as refused:
        rows_from_arrow(arrow(**columns))
    assert not any(
        word in str(refused.value) for word in ("assume_timezone", "cast", "ArrowInvalid")
    )


@pytest.mark.parametrize("bad", [0, 1, 17, 999])
def test_rows_from_json__one_bad_time_among_many__is_found(bad: int) -> None:
    times = ["2026-01-01T00:00:00+01:00"] * 1000
    times[bad] = "2026-01-01 00:00"
    with pytest.raises(BadOutcomes, match=f"occurred_at of outcome {bad} is '2026-01-01 00:00'"):
        rows_from_json({"error": [0] * 1000, "occurred_at": times})


def test_rows_from_json__nanoseconds__are_cut_to_microseconds() -> None:
    rows = rows_from_json([{"error": 1, "occurred_at": "2026-01-01T00:00:00.123456789Z"}])
    assert rows["occurred_at"][0].as_py().microsecond == 123456


def test_rows_from_json__whole_numbers_that_floats_hold__are_kept() -> None:
    rows = rows_from_json(
        [{"prediction": 2**53, "label": -(2**53)}, {"prediction": 1e300, "label": 0.5}]
    )
    assert rows["prediction"].to_pylist() == [2.0**53, 1e300]


@given(st.integers(-(2**70), 2**70), st.integers(-3, 3))
def test_rows_from_json__any_two_whole_numbers__are_never_rounded_into_one(
    prediction: int, distance: int
) -> None:
    try:
        rows = rows_from_json([{"prediction": prediction, "label": prediction + distance}])
    except BadOutcomes:
        return
    assert (rows["prediction"][0] == rows["label"][0]) == (distance == 0)
