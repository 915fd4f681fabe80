"""Guesses what a person would choose, from what a worker has seen of the data; all of it can be changed in the form."""

import math
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

IDS = re.compile(r"(^|[_\W])(id|uuid|guid|key|pk|rowid|index)$|[a-z]I[Dd]$", re.IGNORECASE)
TIMES = re.compile(r"time|date|_at$|^at$|^ts$|stamp", re.IGNORECASE)
PREDICTIONS = ("prediction", "predictions", "predicted", "y_pred", "pred", "predicted_label")
LABELS = ("label", "labels", "target", "actual", "y_true", "outcome", "truth")
SCORES = ("score", "probability", "proba", "y_score", "prediction_score", "predicted_probability")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
ENOUGH_ROWS = 100
"""A window with fewer rows sees large changes only."""
LEAST_VALUES = 60
"""A bit more than a window needs of each feature, as the numbers of rows vary."""
LEAST_WINDOWS = 6
"""With fewer windows in the reference, what is usual is not known."""
LONGEST_NAME = 200
NO_FEATURES = "without values"
PATTERN_MARKS = frozenset("*?[")

type Column = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Guess:
    """The first values of the form of a new monitor.

    Attributes:
        name: The name of the data.
        timestamp_column: Empty if no column holds times.
        features: Names of columns.
        left_out: The other columns, each with the reason.
        window: ISO 8601.
        every: How often it is checked.
        reference: The first day and the day after the last one of the reference; None for all data.
        roles: The columns of predictions, labels and scores, by field.
    """

    name: str
    timestamp_column: str
    features: tuple[str, ...]
    left_out: Mapping[str, str]
    window: str
    every: str
    reference: tuple[datetime, datetime] | None
    roles: Mapping[str, str]


def guess(sample: Mapping[str, Any]) -> Guess:
    """Guess a monitor of sampled data."""
    columns = sample["columns"]
    time = _guess_time(columns)
    roles = _guess_roles(columns) if time else {}
    span = sample["spans"].get(time)
    every, window, length = _guess_window(span)
    rows = _rows_of_window(span, length)
    left_out = {each["name"]: _reason_against(each, time, roles, rows) for each in columns}
    return Guess(
        name=name_of(sample["place"]),
        timestamp_column=time,
        features=tuple(name for name, reason in left_out.items() if not reason),
        left_out={name: reason for name, reason in left_out.items() if reason},
        window=window,
        every=every,
        reference=_guess_reference(span, length),
        roles=roles,
    )


def name_of(place: str) -> str:
    """A name for the monitor of a file, a folder or a pattern: `2024 sales` of `/data/2024_sales.csv`."""
    parts = [part for part in place.split("/") if part and not PATTERN_MARKS & set(part)]
    last = posixpath.basename(parts[-1]) if parts else "data"
    words = re.sub(r"[_\-]+", " ", re.sub(r"(\.[A-Za-z]\w{1,9}){1,2}$", "", last)).strip() or last
    return (words[:1].upper() + words[1:])[:180]


def _guess_time(columns: Sequence[Column]) -> str:
    """The column of times with the fewest nulls; of several, one that is named so."""
    times = [each for each in columns if each["is_time"]]
    times.sort(key=lambda each: (each["null_rate"] or 0.0, not TIMES.search(each["name"])))
    return str(times[0]["name"]) if times else ""


def _guess_roles(columns: Sequence[Column]) -> dict[str, str]:
    """The columns of predictions and labels, if there are both."""
    by_name = {each["name"].lower(): each["name"] for each in columns}
    known = {
        "prediction_column": PREDICTIONS,
        "label_column": LABELS,
        "score_column": SCORES,
    }
    found = {field: _first_of(names, by_name) for field, names in known.items()}
    return found if found["prediction_column"] and found["label_column"] else {}


def _first_of(names: Iterable[str], by_name: Mapping[str, str]) -> str:
    """The column that has the first of these names; empty if there is none."""
    return next((by_name[name] for name in names if name in by_name), "")


def _rows_of_window(span: Mapping[str, Any] | None, window: timedelta) -> float:
    """The rows that a window has on average; no end without a column of times."""
    if span is None:
        return math.inf
    length = max(_moment(span["last"]) - _moment(span["first"]), window)
    return float(span["rows"] / (length / window))


def _reason_against(column: Column, time: str, roles: Mapping[str, str], rows: float) -> str:
    """The reason why a column is no feature; empty if it is one."""
    name = column["name"]
    values = rows * (1 - (column["null_rate"] or 0.0))
    reasons = (
        (bool(column["reason"]), column["reason"]),
        (name == time, "the time"),
        (column["is_time"], "a time: it differs in any two windows"),
        (name in roles.values(), "a prediction, label or score"),
        (column["is_index"], "the index of a data frame"),
        (column["is_in_folders"], "the name of a folder"),
        (column["kind"] is None, "of a type that can't be compared"),
        (column["null_rate"] == 1, NO_FEATURES),
        (len(name) > LONGEST_NAME, f"its name is longer than {LONGEST_NAME} characters"),
        (_is_id(column), "an id: every value is different"),
        (values < LEAST_VALUES, f"a window has about {values:.0f} values, too few to judge"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _is_id(column: Column) -> bool:
    is_text = column["kind"] == "categorical"
    return bool(column["is_unique"] and (is_text or IDS.search(column["name"])))


def _guess_window(span: Mapping[str, Any] | None) -> tuple[str, str, timedelta]:
    """The schedule and the window: the shortest of an hour, a day or a week that has rows enough."""
    if span is None:
        return "day", "P1D", DAY
    length = _moment(span["last"]) - _moment(span["first"])
    days = max(length / DAY, 1e-9)
    if days < LEAST_WINDOWS and span["rows"] / days / 24 >= ENOUGH_ROWS:
        return "hour", "PT1H", HOUR
    if span["rows"] / days >= ENOUGH_ROWS or length < LEAST_WINDOWS * WEEK:
        return "day", "P1D", DAY
    return "week", "P7D", WEEK


def _guess_reference(
    span: Mapping[str, Any] | None, window: timedelta
) -> tuple[datetime, datetime] | None:
    """The first half of the time, in whole days; None where it is too short to be divided."""
    if span is None:
        return None
    first, last = _moment(span["first"]), _moment(span["last"])
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    step = max(window, DAY)
    half = math.floor((last - start) / 2 / step) * step
    return (start, start + half) if half >= 2 * step else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
