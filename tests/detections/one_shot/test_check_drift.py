import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from scipy import stats

from tests.data import TIMESTAMPS, flights_like

type Write = Callable[..., Path]

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def weeks(tmp_path: Path) -> list[Path]:
    """Four Parquet files, one a week; week 3 has drifted in `delay` and `carrier`."""
    paths = [tmp_path / f"week{week}.parquet" for week in range(4)]
    for week, (start, path) in enumerate(zip(TIMESTAMPS, paths, strict=True)):
        pq.write_table(flights_like(week=week, start=start), path)
    return paths


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Write columns to a Parquet file of this name."""

    def write(name: str, **columns: Any) -> Path:
        pq.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    return write


def check(*arguments: object) -> tuple[str, int]:
    """What the command wrote, and its exit code."""
    out = StringIO()
    try:
        call_command("check_drift", *map(str, arguments), stdout=out)
    except SystemExit as stopped:
        return out.getvalue(), int(stopped.code or 0)
    return out.getvalue(), 0


def check_json(*arguments: object) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(
        check(*arguments, "--format", "json")[0], parse_constant=refuse
    )
    return found


def bare_process(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in this folder, without a single environment variable."""
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "check_drift",
        *map(str, arguments),
    ]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def test_process__no_environment_and_relative_paths__exits_with_1_on_drift(
    weeks: list[Path], tmp_path: Path
) -> None:
    found = bare_process(tmp_path, "week0.parquet", "./week3.parquet")
    assert (found.returncode, found.stderr) == (1, "")
    assert "Verdict: drift. 2 of 3 features drifted" in found.stdout.splitlines()[-1]


def test_process__nothing_there__exits_with_2_and_one_sentence(
    weeks: list[Path], tmp_path: Path
) -> None:
    found = bare_process(tmp_path, "week0.parquet", "week9.parquet")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "CommandError: There is nothing at ‘week9.parquet’.\n"


def test_check__same_data__exits_with_0(weeks: list[Path]) -> None:
    table, code = check(weeks[0], weeks[0])
    assert code == 0
    assert "Verdict: ok. 0 of 3 features drifted" in table


@pytest.mark.parametrize(
    ("limit", "code"), [("drift", 1), ("warning", 1), ("error", 1), ("never", 0)]
)
def test_fail_on__drift__stops_all_but_never(weeks: list[Path], limit: str, code: int) -> None:
    assert check(weeks[0], weeks[3], "--fail-on", limit)[1] == code


@pytest.mark.parametrize(
    ("limit", "code"), [("drift", 0), ("warning", 1), ("error", 0), ("never", 0)]
)
def test_fail_on__warning__stops_at_warnings_only(written: Write, limit: str, code: int) -> None:
    before = written("before.parquet", x=np.arange(20_000.0))
    after = written(
        "after.parquet", x=np.arange(20_000.0) + 600
    )  # D = 600 / 20,000, between 0.0175 and 0.035
    table, found = check(before, after, "--methods", "ks", "--fail-on", limit)
    assert found == code
    assert "ok, warning" in table


@pytest.mark.parametrize(
    ("limit", "code"), [("drift", 0), ("warning", 0), ("error", 1), ("never", 0)]
)
@pytest.mark.parametrize("current", [{"x": [1.0] * 9, "y": [1.0] * 9}, {"x": [], "y": []}])
def test_fail_on__too_few_rows__stops_at_errors_only(
    written: Write, current: dict[str, Any], limit: str, code: int
) -> None:
    before = written("before.parquet", x=np.arange(100.0), y=np.arange(100.0))
    after = written(
        "after.parquet",
        **{name: pa.array(values, pa.float64()) for name, values in current.items()},
    )
    assert check(before, after, "--fail-on", limit)[1] == code


def test_columns__one_is_lost_and_one_new__drift_with_the_new_one_named(written: Write) -> None:
    before = written("before.parquet", x=np.arange(100.0), y=np.arange(100.0))
    after = written("after.parquet", y=np.arange(100.0), z=np.arange(100.0))
    table, code = check(before, after)
    assert code == 1
    assert "x        numeric  drift    schema" in table
    assert "New columns: z" in table
    found = check_json(before, after)
    assert (found["features_drifted"], found["new_columns"]) == (1, ["z"])


def test_table__drift__names_drifted_features_first_with_their_reasons(weeks: list[Path]) -> None:
    lines = check(weeks[0], weeks[3])[0].splitlines()
    assert [lines[1].split()[0], lines[3].split()[0]] == ["carrier", "delay"]
    assert lines[2].startswith("    Chance does not explain the change")
    assert lines[5].split()[0] == "distance"


def test_table__long_names_and_control_characters__fits_a_terminal(written: Write) -> None:
    odd = "\x1b[2J" + "x" * 150
    before, after = (
        written(f"{n}.parquet", **{odd: np.arange(9.0), "moment": [TIMESTAMPS[0]] * 9})
        for n in "ab"
    )
    table = check(before, after, "--methods", "anderson_darling,ks,psi")[0]
    assert max(map(len, table.splitlines())) <= 120
    assert "\x1b" not in table
    assert "at least 50 are needed" in table


def test_json__numeric_feature__carries_scipys_statistic(weeks: list[Path]) -> None:
    found = check_json(weeks[0], weeks[3], "--columns", "delay")
    delays = [pq.read_table(weeks[week])["delay"].to_numpy() for week in (0, 3)]
    ks = found["outcomes"][0]
    assert ks["method"] == "ks"
    assert ks["statistic"] == pytest.approx(stats.ks_2samp(*delays).statistic, abs=1e-12)
    assert (found["verdict"], found["features_drifted"], found["current"]["rows"]) == (
        "drift",
        1,
        2000,
    )


def test_json__nan_and_infinity__stays_strict(written: Write) -> None:
    before = written("before.parquet", x=[float("inf")] * 60, y=[float("nan")] * 60)
    found = check_json(before, before, "--methods", "ks,psi,wasserstein,range,null_rate")
    assert {row["feature"] for row in found["rows"]} == {"x", "y"}


def test_json__timestamps__are_named_as_left_out(weeks: list[Path]) -> None:
    assert check_json(weeks[0], weeks[1])["left_out"] == ["departs_at"]


def test_columns__given_again_and_with_commas__are_all_compared(written: Write) -> None:
    path = written(
        "few.parquet", **{"a,b": np.arange(99.0), "c": np.arange(99.0), "d": np.arange(99)}
    )
    found = check_json(path, path, "--columns", "a,b", "--columns", "c")
    assert {row["feature"] for row in found["rows"]} == {"a,b", "c"}
    found = check_json(path, path, "--columns", "d,c")
    assert {row["feature"] for row in found["rows"]} == {"d", "c"}


def test_left_out__index_and_long_name_that_are_not_asked_for(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(99.0), "y" * 201: np.arange(99.0)}, index=range(99, 0, -1))
    frame.sample(99, random_state=0).to_parquet(tmp_path / "x.parquet")
    path = tmp_path / "x.parquet"
    found = check_json(path, path)
    assert ([row["feature"] for row in found["rows"]], len(found["left_out"])) == (["x"], 2)
    found = check_json(path, path, "--columns", "__index_level_0__")
    assert [row["feature"] for row in found["rows"]] == ["__index_level_0__"]


def test_sources__one_file_of_the_reference_retyped__costs_that_column(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    for name, k in (("1", np.arange(99)), ("2", ["a"] * 99)):
        columns = {"x": np.arange(99.0), "k": k}
        pq.write_table(pa.table(columns), tmp_path / "before" / f"{name}.parquet")
    (tmp_path / "before" / "2.parquet.tmp").write_bytes(b"PAR1")
    path = tmp_path / "before" / "1.parquet"
    found = check_json(tmp_path / "before", path)
    rows = {row["feature"]: (row["verdict"], row["reason"]) for row in found["rows"]}
    assert rows["x"][0] == "ok"
    assert rows["k"] == (
        "error",
        "The column ‘k’ is int64 in ‘1.parquet’ but string in ‘2.parquet’.",
    )
    assert found["verdict"] == "error"
    assert [each["name"] for each in found["reference"]["files_skipped"]] == ["2.parquet.tmp"]
    assert check_json(tmp_path / "before", path, "--columns", "x")["verdict"] == "ok"
    found = check_json(path, tmp_path / "before")
    assert {row["feature"]: row["verdict"] for row in found["rows"]} == {"x": "ok", "k": "error"}


@pytest.mark.parametrize("form", ["table", "html"])
def test_sources__file_that_is_no_data__is_named(
    weeks: list[Path], tmp_path: Path, form: str
) -> None:
    (tmp_path / "now").mkdir()
    weeks[1].rename(tmp_path / "now" / "a.parquet")
    (tmp_path / "now" / "b\x1b.parquet").touch()
    text, code = check(weeks[0], tmp_path / "now", "--format", form)
    assert code == 0
    assert "Skipped in the current data" in text
    assert "‘b\N{REPLACEMENT CHARACTER}.parquet’ (the file is empty)" in unescape(text)
    assert "Skipped in the reference" not in text


def test_sources__file_named_like_a_pattern__is_found(
    weeks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weeks[0].rename(tmp_path / "week [1]*.parquet")
    monkeypatch.chdir(tmp_path)
    assert (
        check_json("week [1]*.parquet", tmp_path / "week [1]*.parquet")["current"]["rows"] == 2000
    )


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def shares(found: dict[str, Any]) -> dict[str, float]:
    detail = found["outcomes"][0]["details"][0]
    return {
        each["category"]: each["current_share"] for each in detail["explanation"]["top_categories"]
    }


def test_csv__categorical_in_the_reference__is_text_on_both_sides(
    tmp_path: Path, written: Write
) -> None:
    codes = [*["02134", "NA", "1.10", "True"] * 250]
    before, after = (
        csv_of(tmp_path / name, "c,x", *(f"{code},1" for code in lines))
        for name, lines in (("a.csv", codes), ("b.csv", [*codes[:-1], "K1A"]))
    )
    found = check_json(before, after, "--columns", "c", "--methods", "chi_squared")
    assert (found["verdict"], found["rows"][0]["n_current"]) == ("ok", 1000)
    assert shares(found) == {
        "02134": 0.25,
        "NA": 0.25,
        "1.10": 0.25,
        "True": 0.249,
        "(other)": 0.001,
    }
    parquet = written("a.parquet", c=codes)
    found = check_json(parquet, before, "--methods", "chi_squared")
    assert (found["verdict"], found["rows"][0]["statistic"]) == ("ok", 0)


def test_csv__numbers_declared_categorical__keep_their_zeros(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "z", *["02134", "10001"] * 100)
    found = check_json(path, path, "--categorical", "z", "--methods", "chi_squared")
    assert shares(found) == {"02134": 0.5, "10001": 0.5}


TRUTHS = [*[True] * 300, *[False] * 200]
CODES = [*[1, 2, 3] * 150, *[4] * 50]
SPELLINGS = {
    "python": {True: "True", False: "False"},
    "json": {True: "true", False: "false"},
    "shouted": {True: "TRUE", False: "FALSE"},
    "numbers": {True: "1", False: "0"},
}


@pytest.mark.parametrize("before", SPELLINGS)
@pytest.mark.parametrize("after", SPELLINGS)
@pytest.mark.parametrize("stream_bytes", [1, 1 << 30])
def test_csv__booleans_in_two_spellings__are_the_same(
    tmp_path: Path, override: Callable[..., None], before: str, after: str, stream_bytes: int
) -> None:
    override(data={"stream_bytes": stream_bytes})
    paths = [
        csv_of(tmp_path / f"{side}.csv", "f", *(SPELLINGS[name][truth] for truth in TRUTHS))
        for side, name in (("before", before), ("after", after))
    ]
    found = check_json(*paths)
    assert (found["verdict"], found["rows"][0]["effect_size"]) == ("ok", 0)


def test_csv__one_other_word_among_booleans_of_the_reference__renames_none(
    tmp_path: Path, written: Write
) -> None:
    before = csv_of(tmp_path / "a.csv", "f", *map(str, TRUTHS), "unknown")
    after = written("b.parquet", f=TRUTHS)
    (row,) = check_json(before, after, "--methods", "chi_squared")["rows"]
    table = [[300, 200, 1], [300, 200, 0]]
    expected = stats.chi2_contingency(table, correction=False).statistic
    assert (row["verdict"], row["n_current"]) == ("ok", 500)
    assert row["statistic"] == pytest.approx(expected)


def test_csv__booleans_that_turned_round__drift(tmp_path: Path) -> None:
    before = csv_of(tmp_path / "a.csv", "f", *map(str, TRUTHS))
    after = csv_of(tmp_path / "b.csv", "f", *(str(not truth).lower() for truth in TRUTHS))
    found = check_json(before, after, "--methods", "chi_squared")
    table = [[300, 200], [200, 300]]
    expected = stats.chi2_contingency(table, correction=False).statistic
    assert found["verdict"] == "drift"
    assert found["rows"][0]["statistic"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "stored",
    [
        pa.array(CODES, pa.int8()),
        pa.array(CODES, pa.float64()),
        pa.array([Decimal(code) for code in CODES], pa.decimal128(9, 2)),
        pa.array(CODES).dictionary_encode(),
        pa.array(map(str, CODES), pa.string()),
    ],
    ids=lambda stored: str(stored.type),
)
def test_csv__categories_that_a_window_stores_as_numbers__are_the_same(
    tmp_path: Path, written: Write, stored: pa.Array
) -> None:
    before = csv_of(tmp_path / "a.csv", "c", *map(str, CODES))
    after = written("b.parquet", c=stored)
    for pair in ((before, after), (after, before)):
        found = check_json(*pair, "--categorical", "c")
        assert found["verdict"] == "ok"
        assert [each["statistic"] for each in found["rows"]] == [0]
    other = written("c.parquet", c=pa.array([5, 6] * 250))
    assert check_json(before, other, "--categorical", "c")["verdict"] == "drift"


@pytest.mark.parametrize("words", [["02134", "00501"], ["a", "b"]])
def test_csv__words_that_became_numbers__are_a_retyped_column(
    tmp_path: Path, written: Write, words: list[str]
) -> None:
    before = csv_of(tmp_path / "a.csv", "c", *words * 250)
    after = written("b.parquet", c=[2134, 501] * 250)
    (row,) = check_json(before, after, "--categorical", "c")["rows"]
    assert (row["verdict"], row["method"], row["severity"]) == ("drift", "schema", "critical")


@pytest.mark.parametrize("word", ["NA", "nan", "None", "<NA>", "NULL"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, None, 3, 3] * 100),
        pa.array([True, False, None, True, True] * 100),
        pa.array([date(2024, 7, 1), date(2024, 7, 2), None, None, date(2024, 7, 3)] * 100),
    ],
    ids=["numbers", "booleans", "dates"],
)
@pytest.mark.parametrize("stream_bytes", [1, 1 << 30])
def test_csv__null_words_among_values_that_are_compared_by_name__are_missing(
    tmp_path: Path,
    written: Write,
    override: Callable[..., None],
    values: pa.Array,
    word: str,
    stream_bytes: int,
) -> None:
    override(data={"stream_bytes": stream_bytes})
    words = (word if value is None else str(value) for value in values.to_pylist())
    before, after = written("a.parquet", c=values), csv_of(tmp_path / "b.csv", "c", *words)
    found = check_json(before, after, "--categorical", "c", "--columns", "c")
    (row,) = found["rows"]
    assert (row["verdict"], row["effect_size"]) == ("ok", 0)
    assert row["n_current"] == len(values) - values.null_count


def test_csv__stray_word_among_numbers__costs_that_column(tmp_path: Path) -> None:
    good = csv_of(tmp_path / "a.csv", "a,b", *["1,2", "2,3"] * 100)
    stray = csv_of(tmp_path / "b.csv", "a,b", *["1,2", "2,3"] * 100, "?,2")
    rows = {row["feature"]: row for row in check_json(good, stray)["rows"]}
    assert (rows["a"]["verdict"], rows["b"]["verdict"]) == ("error", "ok")
    assert rows["a"]["reason"].endswith("holds ‘?’ in row 202 of ‘b.csv’.")


@pytest.mark.parametrize("stream_bytes", [1, 1 << 30])
def test_csv__dialect__is_that_of_both_sides(
    tmp_path: Path, override: Callable[..., None], stream_bytes: int
) -> None:
    override(data={"stream_bytes": stream_bytes})
    path = tmp_path / "a.csv"
    path.write_bytes("é;x\n".encode("latin-1") + b"1,5;a\n-;b\n" * 100)
    options = ["--delimiter", ";", "--decimal", ",", "--encoding", "latin-1", "--null-value", "-"]
    found = check_json(path, path, *options, "--quote", "'")
    rows = {row["feature"]: (row["kind"], row["n_current"]) for row in found["rows"]}
    assert rows == {"é": ("numeric", 100), "x": ("categorical", 200)}


def test_html__hostile_column_name__is_escaped(written: Write) -> None:
    before, after = (written(f"{n}.parquet", **{HOSTILE: np.arange(100.0) + n}) for n in (0, 500))
    page, code = check(before, after, "--format", "html")
    assert code == 1
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_html__any__asks_for_nothing_else(weeks: list[Path]) -> None:
    page = check(weeks[0], weeks[1], "--format", "html")[0]
    assert page.startswith("<!doctype html>")
    assert not any(each in page for each in ("http://", "https://", "<link", "<script", "src="))


def test_kinds__overridden__changes_the_method(written: Write) -> None:
    codes = np.random.default_rng(0).integers(0, 3, 500)
    before = written("codes.parquet", code=codes, flag=codes > 1)
    found = check_json(before, before, "--categorical", "code", "--numeric", "flag")
    assert {row["feature"]: row["kind"] for row in found["rows"]} == {
        "code": "categorical",
        "flag": "numeric",
    }


def test_sources__folder_pattern_and_csv__are_read(
    weeks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pacsv.write_csv(pq.read_table(weeks[1]).drop_columns("departs_at"), tmp_path / "current.csv")
    found = check_json("../" + tmp_path.name + "/week[01].parquet", "current.csv")
    assert (found["reference"]["rows"], found["current"]["rows"], found["verdict"]) == (
        4000,
        2000,
        "ok",
    )


def test_sources__working_folder_named_like_a_pattern__is_taken_literally(
    weeks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run[1]").mkdir()
    monkeypatch.chdir(tmp_path / "run[1]")
    weeks[0].rename("week.parquet")
    assert check("week.parquet", "week.parquet")[1] == 0


def test_window__start_and_end__narrow_the_current_rows(weeks: list[Path], tmp_path: Path) -> None:
    bounds = (
        "--timestamp-column",
        "departs_at",
        "--start",
        "2024-01-08",
        "--end",
        "2024-01-15T00:00+00:00",
    )
    found = check_json(weeks[0], tmp_path / "week*.parquet", *bounds)
    assert (found["current"]["rows"], found["verdict"]) == (2000, "ok")


def test_stream__window_beyond_the_limit__gives_the_same_verdict(
    weeks: list[Path], override: Callable[..., None]
) -> None:
    override(data={"stream_bytes": 1})
    found = check_json(weeks[0], weeks[3])
    assert (found["current"]["rows"], found["features_drifted"]) == (2000, 2)


def test_min_rows__lowered__judges_small_windows(written: Write) -> None:
    few = written("few.parquet", x=np.arange(10.0))
    assert check_json(few, few)["verdict"] == "insufficient_data"
    assert check_json(few, few, "--min-rows", 10)["verdict"] == "ok"


def test_policy__threshold__asks_for_no_effect(written: Write) -> None:
    before, after = (written(f"{n}.parquet", x=np.arange(40_000.0) + n) for n in (0, 1200))
    assert check(before, after, "--methods", "ks")[1] == 0
    assert check(before, after, "--methods", "ks", "--policy", "threshold")[1] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--columns", "nope"], "no column nope"),
        (["--categorical", "nope"], "--categorical and --numeric must name features, not nope"),
        (["--numeric", "carrier"], "can be read as numeric"),
        (["--numeric", "delay", "--categorical", "delay"], "Either --categorical or --numeric"),
        (["--columns", "delay", "--methods", "chi_squared"], "methods must include one"),
        (["--start", "2024-01-01"], "need --timestamp-column"),
        (
            ["--timestamp-column", "departs_at", "--start", "2024-01-02", "--end", "2024-01-01"],
            "must be after",
        ),
        (["--timestamp-column", "nope", "--start", "2024-01-01"], "no timestamp column"),
        (["--delimiter", ";;"], "--delimiter must be one ASCII character"),
        (["--encoding", "klingon"], "--encoding must be a known one, not 'klingon'"),
    ],
)
def test_arguments__that_do_not_fit__exit_with_2(
    weeks: list[Path], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence) as refused:
        check(weeks[0], weeks[1], *arguments)
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--methods", "row_count"],
        ["--methods", ","],
        ["--min-rows", "0"],
        ["--start", "soon"],
        ["--fail-on", "x"],
    ],
)
def test_arguments__malformed__are_refused_by_the_parser(
    weeks: list[Path], arguments: list[str]
) -> None:
    with pytest.raises(CommandError, match=r"^Error: "):
        check(weeks[0], weeks[1], *arguments)


def test_arguments__empty_path__is_not_the_working_folder(weeks: list[Path]) -> None:
    with pytest.raises(CommandError, match="must not be empty"):
        check(weeks[0], "")


@pytest.mark.parametrize(
    "uri", ["ftp://host/a.parquet", "s3:///nobucket", "s3://user@bucket/a.parquet"]
)
def test_sources__uri_that_is_refused__exits_with_2(weeks: list[Path], uri: str) -> None:
    with pytest.raises(CommandError) as refused:
        check(weeks[0], uri)
    assert refused.value.returncode == 2


def test_sources__damaged_or_empty__exits_with_2(
    weeks: list[Path], tmp_path: Path, written: Write
) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and nothing more")
    empty = written("empty.parquet", x=pa.array([], pa.float64()))
    for pair in ((weeks[0], tmp_path / "damaged.parquet"), (empty, empty)):
        with pytest.raises(CommandError) as refused:
            check(*pair)
        assert refused.value.returncode == 2


@pytest.mark.parametrize("extension", ["parquet", "csv"])
def test_timezone__times_and_bounds_without_a_zone__are_of_it(
    tmp_path: Path, extension: str
) -> None:
    """The hour of 27 October that a clock in Berlin shows twice is the first of the two."""
    moments = pd.date_range("2024-10-26T21:00Z", "2024-10-27T06:59Z", freq="min")
    shown = moments.tz_convert("Europe/Berlin").tz_localize(None)
    frame = pd.DataFrame({"at": shown, "n": range(len(shown))})
    path = tmp_path / f"x.{extension}"
    frame.to_parquet(path) if extension == "parquet" else frame.to_csv(path, index=False)
    window = [
        "--timestamp-column",
        "at",
        "--start",
        "2024-10-27T02:00",
        "--end",
        "2024-10-27T03:00",
    ]
    found = check_json(path, path, *window, "--timezone", "Europe/Berlin", "--columns", "n")
    assert (found["reference"]["rows"], found["current"]["rows"]) == (600, 120)
    assert check_json(path, path, *window, "--columns", "n")["current"]["rows"] == 120
    shifted = [*window[:3], "2024-10-27T00:00Z", *window[4:5], "2024-10-27T01:00Z"]
    in_berlin = check_json(path, path, *shifted, "--timezone", "Europe/Berlin", "--columns", "n")
    assert in_berlin["current"]["rows"] == 120
    assert check_json(path, path, *shifted, "--columns", "n")["current"]["rows"] == 60


def test_timezone__dates_and_moments__are_equal(written: Write) -> None:
    days = pd.date_range("2024-07-01", periods=10, freq="D").repeat(10)
    one = written("dates.parquet", day=pa.array(days.date))
    other = written("moments.parquet", day=pa.array(days.tz_localize("Asia/Kolkata")))
    kind = ["--categorical", "day", "--columns", "day", "--methods", "new_categories"]
    found = check_json(one, other, *kind, "--timezone", "Asia/Kolkata")["rows"][0]
    assert (found["verdict"], found["statistic"]) == ("ok", 0)
    assert check_json(one, other, *kind)["rows"][0]["verdict"] == "drift"


@pytest.mark.parametrize("zone", ["Europe/Bonn", "localtime", ""])
def test_timezone__that_does_not_exist__is_refused(weeks: list[Path], zone: str) -> None:
    with pytest.raises(CommandError, match="is not an IANA time zone"):
        check(weeks[0], weeks[1], "--timezone", zone)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (["low", "high"] * 150, "drift"),
        (["7"] * 90 + ["low"] * 210, "drift"),
        (["7"] * 299 + ["?"], "error"),
        (["7"] * 160 + ["low"] * 140, "error"),
        (["", "low", "low"] * 100, "drift"),
        (["NA"] * 299 + ["7"], "drift"),
    ],
)
@pytest.mark.parametrize("stream_bytes", [10**9, 1])
def test_csv__numbers_become_words__schema_says_so_if_most_did(
    tmp_path: Path,
    override: Callable[..., None],
    words: list[str],
    verdict: str,
    stream_bytes: int,
) -> None:
    override(data={"stream_bytes": stream_bytes})
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_text("x,y\n" + "".join(f"{number % 50},1\n" for number in range(300)))
    after.write_text("x,y\n" + "".join(f"{word},1\n" for word in words))
    [row] = [row for row in check_json(before, after)["rows"] if row["feature"] == "x"]
    has_no_word = set(words) <= {"7", "NA", ""}
    method = "null_rate" if has_no_word else "schema" if verdict == "drift" else "ks"
    assert (row["verdict"], row["method"]) == (verdict, method)
