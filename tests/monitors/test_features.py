"""The choice of the columns that a monitor watches, over real files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError

from algorithms.columns import FeatureKind
from monitors.features import check_sources, choose_features
from monitors.sources import DatasetDescription, SourcePolicy, describe

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS: dict[str, Any] = {
    "at": [MOMENT],
    "day": [MOMENT.date()],
    "amount": [1.5],
    "count": [3],
    "is_new": [True],
    "colour": ["red"],
    "list": [[1, 2]],
    "raw": [b"x"],
}


@pytest.fixture
def policy(tmp_path: Path) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(tmp_path),))


@pytest.fixture
def reference(tmp_path: Path, policy: SourcePolicy) -> DatasetDescription:
    pq.write_table(pa.table(COLUMNS), tmp_path / "all.parquet")
    return describe(str(tmp_path / "all.parquet"), policy)


def test_choose_features__none_asked_for__takes_what_can_be_compared(
    reference: DatasetDescription,
) -> None:
    chosen = choose_features(reference, [], "at")
    assert set(chosen) == {"amount", "count", "is_new", "colour"}
    assert (chosen["amount"], chosen["colour"]) == (FeatureKind.NUMERIC, FeatureKind.CATEGORICAL)


def test_choose_features__some_asked_for__takes_those_in_their_order(
    reference: DatasetDescription,
) -> None:
    assert list(choose_features(reference, ["colour", "amount"], "at")) == ["colour", "amount"]


@pytest.mark.parametrize("name", ["list", "raw"])
def test_choose_features__type_that_can_not_be_compared__is_named(
    reference: DatasetDescription, name: str
) -> None:
    with pytest.raises(ValidationError, match=f"can't be compared: {name}"):
        choose_features(reference, ["amount", name], "at")


def test_choose_features__all_that_are_missing__are_named(reference: DatasetDescription) -> None:
    with pytest.raises(ValidationError, match="no column a, b"):
        choose_features(reference, ["b", "amount", "a"], "at")


def test_choose_features__nothing_left__is_refused(tmp_path: Path, policy: SourcePolicy) -> None:
    pq.write_table(pa.table({"at": [MOMENT], "raw": [b"x"]}), tmp_path / "bare.parquet")
    with pytest.raises(ValidationError, match="no column that can be compared"):
        choose_features(describe(str(tmp_path / "bare.parquet"), policy), [], "at")


def test_choose_features__folder_names__are_features_only_when_asked_for(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    (tmp_path / "parts" / "week=1").mkdir(parents=True)
    pq.write_table(pa.table({"amount": [1.0]}), tmp_path / "parts" / "week=1" / "a.parquet")
    source = describe(str(tmp_path / "parts"), policy)
    assert set(choose_features(source, [], "")) == {"amount"}
    assert set(choose_features(source, ["week"], "")) == {"week"}


def check(policy: SourcePolicy, reference: Path, current: Path, **fields: Any) -> None:
    values = {
        "reference_data_uri": str(reference),
        "current_data_uri": str(current),
        "methods": ["ks"],
    }
    check_sources(values | {"feature_columns": [], "timestamp_column": ""} | fields, policy)


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_check_sources__current_has_more_columns__passes(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    check(
        policy,
        write(tmp_path / "r.parquet", n=[1]),
        write(tmp_path / "c.parquet", n=[1.5], extra=["x"]),
    )
    with pytest.raises(ValidationError, match="no column extra"):
        check(policy, tmp_path / "c.parquet", tmp_path / "r.parquet")


def test_check_sources__current_column_is_all_null__passes(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    check(
        policy, write(tmp_path / "r.parquet", n=[1]), write(tmp_path / "c.parquet", n=pa.nulls(2))
    )
    with pytest.raises(ValidationError, match="string"):
        check(policy, tmp_path / "r.parquet", write(tmp_path / "c.parquet", n=["1"]))


def test_check_sources__timestamp_missing_in_current_only__says_where(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    reference = write(tmp_path / "r.parquet", n=[1], at=[MOMENT])
    with pytest.raises(ValidationError) as refusal:
        check(policy, reference, write(tmp_path / "c.parquet", n=[1]), timestamp_column="at")
    assert refusal.value.message_dict == {
        "timestamp_column": ["current_data_uri has no column at."]
    }


def test_check_sources__methods_for_no_feature__is_refused(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    numbers = write(tmp_path / "r.parquet", n=[1])
    with pytest.raises(ValidationError) as refusal:
        check(policy, numbers, numbers, methods=["chi_squared"])
    assert list(refusal.value.message_dict) == ["methods"]


@pytest.fixture
def labelled(tmp_path: Path) -> dict[str, Any]:
    """The fields of a monitor over two sources of predictions; the reference has no label."""
    columns = {"at": [MOMENT], "x": [1.5], "p": [1], "s": [0.5]}
    pq.write_table(pa.table(columns), tmp_path / "reference.parquet")
    pq.write_table(pa.table(columns | {"y": [1]}), tmp_path / "current.parquet")
    return {
        "reference_data_uri": str(tmp_path / "reference.parquet"),
        "current_data_uri": str(tmp_path / "current.parquet"),
        "timestamp_column": "at",
        "feature_columns": ["x"],
        "methods": ["ks"],
    }


@pytest.mark.parametrize("field", ["prediction_column", "label_column", "score_column"])
def test_check_sources__column_that_no_source_has__is_named_with_the_nearest(
    labelled: dict[str, Any], policy: SourcePolicy, field: str
) -> None:
    check_sources(labelled | {field: "p"}, policy)
    with pytest.raises(ValidationError, match="colour") as refused:
        check_sources(labelled | {field: "colour"}, policy)
    assert set(refused.value.message_dict) == {field}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thresholds", {"ks": {"features": {"X": 0.01}}}),
        ("tolerances", {"ks": {"default": 0.1, "features": {"X": 0.01}}}),
        ("importances", {"X": 2.0}),
        ("importances", {"at": 2.0}),
    ],
)
def test_check_sources__setting_of_no_feature__is_named(
    labelled: dict[str, Any], policy: SourcePolicy, field: str, value: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=r"'(X|at)'") as refused:
        check_sources(labelled | {field: value}, policy)
    assert set(refused.value.message_dict) == {field}


def test_check_sources__relative_limit_without_labels_in_the_reference__is_refused(
    labelled: dict[str, Any], policy: SourcePolicy
) -> None:
    roles = {"prediction_column": "p", "label_column": "y"}
    check_sources(labelled | roles | {"performance_limits": {"accuracy": {"minimum": 0.9}}}, policy)
    relative = {"performance_limits": {"accuracy": {"relative": 0.1}}}
    with pytest.raises(ValidationError, match="accuracy needs a reference with the column y"):
        check_sources(labelled | roles | relative, policy)
