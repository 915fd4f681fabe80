"""The words of a reference decide how predictions and labels are read from CSV."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.baselines.prediction_types import find_prediction_types
from monitors.models import Monitor
from monitors.sources import SourcePolicy

TEXT, NUMBERS, TRUTHS = "text", "lenient_numeric", "lenient_truth"


@pytest.fixture
def policy(tmp_path: Path) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(tmp_path),))


def found(path: Path, policy: SourcePolicy, **fields: Any) -> dict[str, str] | None:
    columns = {"prediction_column": "p", "label_column": "y"}
    monitor = Monitor(reference_data_uri=str(path), **columns | fields)
    return find_prediction_types(monitor, policy)


def write_words(path: Path, predictions: list[str], labels: list[str]) -> Path:
    rows = zip(predictions, labels, strict=True)
    path.write_text("p,y\n" + "".join(f"{one},{other}\n" for one, other in rows))
    return path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1", "0", "1"], NUMBERS),
        (["1.0", "0.0", "1.0"], NUMBERS),
        (["-3", " 2.5", "1e3"], NUMBERS),
        (["1", "NA", ""], NUMBERS),
        (["9007199254740993", "1", "2"], NUMBERS),
        (["True", "false", "TRUE"], TRUTHS),
        (["02134", "10001", "7"], TEXT),
        (["1.10", "1.1", "1"], TEXT),
        (["1.00", "2.00", "3.00"], TEXT),
        (["12345678901234567890", "1", "2"], TEXT),
        (["9007199254740993", "0.5", "2"], TEXT),
        (["True", "1", "0"], TEXT),
        (["cat", "dog", "cat"], TEXT),
    ],
)
def test_find__csv__is_numbers_where_they_would_be_written_so(
    tmp_path: Path, policy: SourcePolicy, words: list[str], expected: str
) -> None:
    path = write_words(tmp_path / "x.csv", words, words)
    assert found(path, policy) == {"p": expected, "y": expected}


def test_find__words_in_one_column__make_both_text(tmp_path: Path, policy: SourcePolicy) -> None:
    path = write_words(tmp_path / "x.csv", ["2134", "10001"], ["02134", "10001"])
    assert found(path, policy) == {"p": TEXT, "y": TEXT}


def test_find__last_word_of_a_long_file__counts(tmp_path: Path, policy: SourcePolicy) -> None:
    words = [*["10001"] * 500_000, "02134"]
    path = write_words(tmp_path / "x.csv", words, words)
    assert found(path, policy) == {"p": TEXT, "y": TEXT}


def test_find__column_without_a_word__is_read_as_the_other(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    path = write_words(tmp_path / "x.csv", ["", ""], ["02134", "10001"])
    assert found(path, policy) == {"p": TEXT, "y": TEXT}
    (tmp_path / "y.csv").write_text("y\n1\n0\n")
    assert found(tmp_path / "y.csv", policy) == {"p": NUMBERS, "y": NUMBERS}
    (tmp_path / "z.csv").write_text("x\n1\n0\n")
    assert found(tmp_path / "z.csv", policy) == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"error_scale": 5.0}, NUMBERS),
        ({"performance_limits": {"mae": {"maximum": 1}, "rmse": {"maximum": 2}}}, NUMBERS),
        ({"performance_limits": {"mae": {"maximum": 1}, "f1": {"minimum": 0.5}}}, TEXT),
        ({"feature_kinds": {"p": "numeric", "y": "numeric"}}, NUMBERS),
    ],
)
def test_find__measures__are_numbers_however_they_are_written(
    tmp_path: Path, policy: SourcePolicy, fields: dict[str, Any], expected: str
) -> None:
    path = write_words(tmp_path / "x.csv", ["1.50", "2.25"], ["1.10", "2.00"])
    assert found(path, policy, **fields) == {"p": expected, "y": expected}


def test_find__kind_that_is_named__goes_first(tmp_path: Path, policy: SourcePolicy) -> None:
    path = write_words(tmp_path / "x.csv", ["1", "0"], ["1", "0"])
    assert found(path, policy, feature_kinds={"y": "categorical"}) == {"p": NUMBERS, "y": TEXT}


def test_find__decimal_commas__are_those_of_the_dialect(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    (tmp_path / "x.csv").write_text("p;y\n1,0;0,5\n2,0;-\n")
    dialect = {"csv_dialect": {"delimiter": ";", "decimal": ","}, "null_values": ["-"]}
    assert found(tmp_path / "x.csv", policy, **dialect) == {"p": NUMBERS, "y": NUMBERS}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["1", "0"]), TEXT),
        (pa.array(["1", "0"]).dictionary_encode(), TEXT),
        (pa.array([1, 0]), NUMBERS),
        (pa.array([1.5, 0]), NUMBERS),
        (pa.array([True, False]), TRUTHS),
    ],
)
def test_find__parquet__is_the_stored_type(
    tmp_path: Path, policy: SourcePolicy, values: pa.Array, expected: str
) -> None:
    pq.write_table(pa.table({"p": values, "y": values}), tmp_path / "x.parquet")
    assert found(tmp_path / "x.parquet", policy) == {"p": expected, "y": expected}


def test_find__no_predictions_or_no_data__knows_nothing(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    assert found(tmp_path / "gone.csv", policy) == {}
    assert found(tmp_path / "gone.csv", policy, prediction_column="") is None
