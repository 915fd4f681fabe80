"""Compares tables in memory: the answers are scipy's, and those of the command on the same data in a file."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from algorithms.columns import FeatureKind
from algorithms.errors import CorruptBundle
from algorithms.library import Baseline, compare
from algorithms.library.comparison_plans import plan_of
from detections.one_shot.compare import ComparisonRequest
from detections.one_shot.compare import compare as compare_files

ROWS = 2000
AT = datetime(2024, 1, 1, tzinfo=UTC)


class Lent:
    """A table of a library that nobody knows, which lends Arrow data."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def table(shift: float = 0.0, word: str = "b", seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    amounts = random.normal(shift, 1.0, ROWS)
    return pa.table(
        {
            "amount": pa.array(amounts, mask=random.random(ROWS) < 0.1),
            "count": random.integers(0, 9, ROWS),
            "word": pa.array(["a", word, None, "c"] * (ROWS // 4)),
            "flag": [True, False] * (ROWS // 2),
            "code": pa.array(["x", "y"] * (ROWS // 2)).dictionary_encode(),
            "at": pa.array([AT] * ROWS, pa.timestamp("us", "UTC")),
        }
    )


BEFORE, AFTER = table(), table(0.5, "new", seed=1)
SETTINGS: dict[str, dict[str, Any]] = {
    "usual": {},
    "columns": {"columns": ["word", "amount"]},
    "kinds": {"categorical": ["count"]},
    "methods": {"methods": ["ks", "schema"]},
    "tolerances": {"tolerances": {"ks": 0.4, "psi": 2.0}, "methods": ["ks", "psi"]},
    "threshold": {"policy": "threshold"},
    "few": {"min_rows": ROWS + 1},
    "sensitive": {"sensitive": ["word"]},
    "slices": {"slices": {"first": "word = 'a'", "large": "count > 4"}},
}


@pytest.fixture
def in_files(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The answer of the command on two tables in Parquet files."""

    def compared(reference: pa.Table, current: pa.Table, **settings: Any) -> dict[str, Any]:
        paths = [tmp_path / f"{name}.parquet" for name in ("before", "after")]
        for path, each in zip(paths, (reference, current), strict=True):
            pq.write_table(each, path)
        columns = tuple(settings.pop("columns", ()))
        categorical = settings.pop("categorical", ())
        slices = settings.pop("slices", {})
        request = ComparisonRequest(
            reference=str(paths[0]),
            current=str(paths[1]),
            plan=plan_of(settings.pop("methods", None), **settings),
            columns=columns,
            kinds=dict.fromkeys(categorical, FeatureKind.CATEGORICAL),
            slices=tuple({"name": name, "where": where} for name, where in slices.items()),
        )
        return without_places(compare_files(request).to_dict())

    return compared


def without_places(found: dict[str, Any]) -> dict[str, Any]:
    """The answer without the places of the data, which are all that may differ."""
    for side in ("reference", "current"):
        assert found[side].pop("uri")
    return found


def as_bytes(found: dict[str, Any]) -> bytes:
    return json.dumps(found, allow_nan=False).encode()


@pytest.mark.parametrize("name", SETTINGS)
def test_compare__same_tables_in_files__are_equal_byte_by_byte(
    in_files: Callable[..., dict[str, Any]], name: str
) -> None:
    settings = SETTINGS[name]
    found = without_places(compare(BEFORE, AFTER, **settings).to_dict())
    assert as_bytes(found) == as_bytes(in_files(BEFORE, AFTER, **settings))


def test_compare__category_of_numbers__is_compared_as_its_file_is(
    in_files: Callable[..., dict[str, Any]],
) -> None:
    frame = pd.DataFrame({"code": pd.Categorical(np.arange(ROWS) % 7)})
    table = pa.Table.from_pandas(frame)
    assert pa.types.is_dictionary(table.schema.field("code").type)
    choices: tuple[dict[str, Any], ...] = ({}, {"categorical": ["code"]})
    for settings in choices:
        found = without_places(compare(frame, frame, **settings).to_dict())
        assert as_bytes(found) == as_bytes(in_files(table, table, **settings))
        assert found["rows"][0]["kind"] == ("categorical" if settings else "numeric")


@pytest.mark.parametrize("name", ["usual", "methods", "slices", "tolerances"])
def test_baseline__saved_and_loaded__answers_as_the_tables(tmp_path: Path, name: str) -> None:
    settings = dict(SETTINGS[name])
    slices = settings.pop("slices", None)
    Baseline.fit(BEFORE, slices=slices).save(tmp_path / "a.baseline")
    found = Baseline.load(tmp_path / "a.baseline").compare(AFTER, **settings).to_dict()
    expected = compare(BEFORE, AFTER, slices=slices, **settings).to_dict()
    assert found["rows"] == expected["rows"]
    assert {name: each for name, each in found.items() if name != "outcomes"} == {
        name: each for name, each in expected.items() if name != "outcomes"
    }


def types_in(value: Any) -> set[type]:
    """The types of a value and of all that it holds."""
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    inside = parts if isinstance(value, dict | list | tuple) else ()
    return {type(value)}.union(*map(types_in, inside))


def test_to_dict__holds_nothing_but_what_json_has() -> None:
    found = compare(BEFORE, AFTER, slices={"first": "word = 'a'"})
    plain = {dict, list, str, int, float, bool, type(None)}
    assert types_in(found.to_dict()) <= plain


def test_comparison__and_its_rows__can_be_held_in_a_set() -> None:
    found = compare(BEFORE, AFTER)
    assert {found, *found.features} >= {found}
    assert found != compare(BEFORE, AFTER)


def test_save__that_fails_in_the_middle__leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline"
    Baseline.fit(BEFORE).save(path)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys, pyarrow as pa; from algorithms.library import Baseline;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "fitted = Baseline.fit(pa.table({'x': [*map(float, range(5000))]}));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "fitted.save(sys.argv[1])"
    )
    command = [sys.executable, "-B", "-c", script, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OSError" in ran.stderr
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_save__through_a_link__keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.baseline")
    Baseline.fit(BEFORE).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert Baseline.load(tmp_path / "a.baseline").features == Baseline.fit(BEFORE).features


def test_baseline__file_that_was_altered__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline"
    Baseline.fit(BEFORE).save(path)
    path.write_bytes(path.read_bytes().replace(b"amount", b"amoumt"))
    with pytest.raises(CorruptBundle):
        Baseline.load(path)


def test_baseline__new_column__is_one_only_if_the_reference_lacked_it(tmp_path: Path) -> None:
    Baseline.fit(BEFORE).save(tmp_path / "a.baseline")
    current = AFTER.append_column("later", [[1.0] * ROWS])
    found = Baseline.load(tmp_path / "a.baseline").compare(current)
    assert (found.left_out, found.new_columns) == (("at",), ("later",))


@pytest.mark.parametrize(
    "lend", [pa.Table.to_pandas, pl.from_arrow, Lent], ids=["pandas", "polars", "capsule"]
)
def test_compare__table_of_another_library__drifts_as_scipy_says(lend: Callable[..., Any]) -> None:
    before, after = (each.drop_columns(["at"]) for each in (BEFORE, AFTER))
    found = compare(lend(before), lend(after), methods=["ks", "chi_squared"])
    numbers = [each["amount"].drop_null().to_numpy() for each in (before, after)]
    [row] = [each for each in found.to_dict()["rows"] if each["feature"] == "amount"]
    assert row["statistic"] == pytest.approx(stats.ks_2samp(*numbers).statistic, abs=1e-12)
    assert found.drifted
    assert set(found.drifted_features) == {"amount", "word"}


def test_compare__same_table__has_not_drifted() -> None:
    found = compare(BEFORE, BEFORE)
    assert (found.drifted, found.drifted_features, str(found.verdict)) == (False, (), "ok")


def test_compare__index_of_a_data_frame__is_no_feature() -> None:
    frame = pd.DataFrame({"x": np.arange(99.0)}, index=pd.Index(range(99, 0, -1), name="row"))
    found = compare(frame, frame)
    assert [row.detail.feature for row in found.features] == ["x"]
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("reference", "settings", "error", "words"),
    [
        ([1, 2], {}, TypeError, "reference must be a pandas, polars or Arrow table"),
        (BEFORE, {"columns": ["nope"]}, ValueError, "The reference has no column nope"),
        (BEFORE, {"methods": ["t_test"]}, ValueError, "t_test is none of ks, psi"),
        (BEFORE, {"methods": []}, ValueError, "methods must be one or more of"),
        (BEFORE, {"policy": "luck"}, ValueError, "policy must be one of"),
        (BEFORE, {"tolerances": {"ks": 2.0}, "methods": ["ks"]}, ValueError, "at most 1, not 2"),
        (BEFORE, {"tolerances": {"ks": 0.1}, "methods": ["psi"]}, ValueError, "tolerances must"),
        (BEFORE, {"slices": {"a": "count >"}}, ValueError, "The condition of slice 'a' is wrong"),
        (BEFORE, {"slices": {"a": "at > 1"}}, ValueError, "A condition is wrong"),
        (BEFORE.slice(0, 0), {}, ValueError, "The reference window holds no row"),
        (BEFORE, {"categorical": ["word"], "numeric": ["word"]}, ValueError, "Either categorical"),
        (pa.table([[1], [2]], names=["x", "x"]), {}, ValueError, "column names that differ: x"),
    ],
)
def test_compare__wrong_arguments__are_refused_with_a_sentence(
    reference: Any, settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        compare(reference, BEFORE, **settings)


@pytest.mark.parametrize(
    ("sensitive", "error", "words"),
    [
        ("word", TypeError, "sensitive must be a list of names, not the text 'word'."),
        (["wrod"], ValueError, "sensitive must name columns of the reference, not wrod."),
        ([1], TypeError, "sensitive must hold names as text"),
        (None, TypeError, "sensitive must be a list of names, not NoneType."),
    ],
)
def test_sensitive__that_protects_nothing__is_refused(
    sensitive: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        compare(BEFORE, AFTER, sensitive=sensitive)
    with pytest.raises(error, match=words):
        Baseline.fit(BEFORE).compare(AFTER, sensitive=sensitive)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"columns": "word"}, TypeError, "columns must be a list of names, not the text 'word'."),
        ({"columns": [0]}, TypeError, "columns must hold names as text, such as '0', not 0."),
        ({"columns": 3}, TypeError, "columns must be a list of names, not int."),
        ({"categorical": "word"}, TypeError, "categorical must be a list of names"),
        ({"numeric": {"count": 1}}, TypeError, "numeric must be a list of names, not dict."),
        ({"categorical": ["nope"]}, ValueError, "categorical and numeric must name features"),
        ({"methods": "ks"}, TypeError, "methods must be a list of names, not the text 'ks'."),
        ({"slices": ["count > 1"]}, TypeError, "slices must map names to conditions, not be list."),
        ({"slices": {"a": 1}}, TypeError, "slices must map names to conditions, both as text."),
        ({"min_rows": 1.5}, TypeError, "min_rows must be a whole number, not 1.5."),
        ({"min_rows": True}, TypeError, "min_rows must be a whole number, not True."),
        ({"min_rows": 0}, ValueError, "min_rows must be a positive number, not 0."),
        ({"tolerances": {"ks": True}}, TypeError, "tolerances must map names to numbers, and ks"),
        ({"tolerances": {"ks": "a"}}, TypeError, "tolerances must map names to numbers, and ks"),
        ({"tolerances": ["ks"]}, TypeError, "tolerances must map names to numbers, not be list."),
        ({"tolerances": {"ks": float("nan")}}, ValueError, "tolerance of ks must be a number"),
        ({"policy": ["threshold"]}, ValueError, "policy must be one of"),
    ],
)
def test_compare__argument_of_another_type__is_refused_in_the_callers_words(
    settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        compare(BEFORE, AFTER, **settings)


def test_compare__generators_and_labels_of_a_frame__answer_as_lists() -> None:
    frame = BEFORE.to_pandas()
    expected = compare(
        BEFORE, AFTER, columns=["amount", "count", "word"], categorical=["count"],
        methods=["chi_squared", "ks"], sensitive=["word"],
    )  # fmt: skip
    found = compare(
        BEFORE, AFTER, columns=frame.columns[:3], categorical=(each for each in ["count"]),
        methods=(each for each in ["chi_squared", "ks"]), sensitive=pl.Series(["word"]),
    )  # fmt: skip
    assert found.to_dict() == expected.to_dict()
    fitted = Baseline.fit(BEFORE, columns=frame.columns[:3], numeric=iter(["count"]))
    assert fitted.features == ("amount", "count", "word")


def test_slices__that_name_a_sensitive_column__are_refused_by_a_baseline_too() -> None:
    fitted = Baseline.fit(BEFORE, slices={"a": "word = 'a'"})
    with pytest.raises(ValueError, match="slice 'a' must not name sensitive features"):
        fitted.compare(AFTER, sensitive=["word"])
    assert list(fitted.compare(AFTER, sensitive=["count"]).slices) == ["a"]


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__"])
def test_compare__column_that_is_an_index__is_listed_as_the_command_does(
    in_files: Callable[..., dict[str, Any]], name: str
) -> None:
    numbered = BEFORE.append_column(name, [range(ROWS)])
    found = compare(numbered, numbered)
    assert found.left_out == ("at", name)
    assert as_bytes(without_places(found.to_dict())) == as_bytes(in_files(numbered, numbered))
    assert Baseline.fit(numbered).compare(numbered).left_out == ("at", name)
    assert compare(BEFORE, numbered).new_columns == ()


def test_sensitive__generator__hides_the_values_everywhere() -> None:
    hidden = AFTER.set_column(2, "word", [["secret"] * ROWS])
    for found in (
        compare(BEFORE, hidden, sensitive=(name for name in ["word"])),
        Baseline.fit(BEFORE).compare(hidden, sensitive=(name for name in ["word"])),
    ):
        assert "word" in found.drifted_features
        assert "secret" not in json.dumps(found.to_dict()) + repr(found) + found._repr_html_()
    with pytest.raises(ValueError, match="must not name sensitive features"):
        compare(BEFORE, AFTER, slices={"a": "word = 'a'"}, sensitive=(each for each in ["word"]))


def test_tolerance__above_the_distance_that_scipy_finds__is_no_drift() -> None:
    numbers = [each["amount"].drop_null().to_numpy() for each in (BEFORE, AFTER)]
    distance = stats.ks_2samp(*numbers).statistic
    for tolerance, is_drift in ((distance * 0.9, True), (distance * 1.1, False)):
        found = compare(
            BEFORE, AFTER, columns=["amount"], methods=["ks"], tolerances={"ks": tolerance}
        )
        assert found.drifted is is_drift
