"""The wizard guesses what a person would choose."""

from typing import Any

import pytest

from drift_detector.screens.wizard.guesses import guess, name_of


def column(name: str, kind: str | None = "numeric", **fields: Any) -> dict[str, Any]:
    flags = dict.fromkeys(("is_time", "is_unique", "is_index", "is_in_folders"), False)
    return {"name": name, "kind": kind, "null_rate": 0.0, "reason": "", **flags, **fields}


def sample(
    *columns: dict[str, Any],
    first: str = "2024-01-01",
    last: str = "2024-03-01",
    rows: int = 60_000,
) -> dict[str, Any]:
    span = {"first": f"{first}T05:00:00+00:00", "last": f"{last}T22:00:00+00:00", "rows": rows}
    times = [each["name"] for each in columns if each["is_time"]]
    return {"place": "/data/x.csv", "columns": columns, "spans": dict.fromkeys(times, span)}


TIME = column("at", is_time=True)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/data/acme/web_sales-2024.csv", "Web sales 2024"),
        ("s3://bucket/flights/", "Flights"),
        ("/data/flights/*.parquet", "Flights"),
        ("/data/x.csv.gz", "X"),
        ("/data/v1.2 final.parquet", "V1.2 final"),
    ],
)
def test_name_of__place__is_readable(place: str, name: str) -> None:
    assert name_of(place) == name


def test_guess__ids_and_times__are_no_features() -> None:
    columns = (
        TIME,
        column("order_id", is_unique=True),
        column("email", "categorical", is_unique=True),
        column("shipped", is_time=True, null_rate=0.5),
        column("rare", null_rate=0.95),
        column("y" * 201),
        column("price"),
        column("amount", is_unique=True),
        column("empty", null_rate=1.0),
        column("picture", None),
    )
    found = guess(sample(*columns))
    assert (found.timestamp_column, found.features) == ("at", ("price", "amount"))
    assert set(found.left_out) == {each["name"] for each in columns} - {"price", "amount"}


def test_guess__times_with_and_without_nulls__takes_the_full_one() -> None:
    columns = column("cancelled_at", is_time=True, null_rate=0.9), column("day", is_time=True)
    assert guess(sample(*columns)).timestamp_column == "day"


@pytest.mark.parametrize(
    ("last", "rows", "window", "every"),
    [
        ("2024-03-01", 60_000, "P1D", "day"),
        ("2024-03-01", 600, "P7D", "week"),
        ("2024-01-03", 60_000, "PT1H", "hour"),
        ("2024-01-10", 600, "P1D", "day"),
    ],
)
def test_guess__span_and_rows__choose_the_window(
    last: str, rows: int, window: str, every: str
) -> None:
    found = guess(sample(TIME, column("price"), last=last, rows=rows))
    assert (found.window, found.every) == (window, every)


def test_guess__reference__is_the_first_half_in_whole_days() -> None:
    start, end = guess(sample(TIME, column("price"), last="2024-01-21")).reference or (None, None)
    assert f"{start:%m-%d %H:%M} {end:%m-%d %H:%M}" == "01-01 00:00 01-11 00:00"


def test_guess__two_days__has_no_reference_bounds() -> None:
    assert guess(sample(TIME, column("price"), last="2024-01-02")).reference is None


def test_guess__prediction_and_label__are_roles_and_no_features() -> None:
    columns = TIME, column("prediction"), column("Label"), column("proba"), column("price")
    found = guess(sample(*columns))
    assert found.features == ("price",)
    assert found.roles == {
        "prediction_column": "prediction",
        "label_column": "Label",
        "score_column": "proba",
    }


def test_guess__label_alone__is_a_feature() -> None:
    assert guess(sample(TIME, column("label"))).features == ("label",)


def test_guess__no_time__watches_all_of_it_daily() -> None:
    found = guess(sample(column("price")))
    assert (found.timestamp_column, found.window, found.reference) == ("", "P1D", None)
