"""Says in words what a picture of a feature shows: both windows' values, and what has changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .number_words import number, share

type Picture = Mapping[str, Any]
"""A feature of `get_run_profile`."""

DIGITS = 4
LEAST = 0.005
"""The least share, or change of one, that is said of a feature that has not drifted."""
MEDIAN = 0.5
LEVELS = {0.0: "Least", MEDIAN: "Median", 1.0: "Greatest"}


def then_and_now(picture: Picture) -> list[tuple[str, str, str]]:
    """Names of values, each with the reference's value and the current one."""
    nulls = picture["null_rate"]
    rows = [("Null", share(nulls["reference"]), share(nulls["current"]))]
    for each in picture["quantiles"] or []:
        values = number(each["reference"], DIGITS), number(each["current"], DIGITS)
        rows.append((_level(each["level"]), *values))
    if picture["below"] or picture["above"]:
        rows.append(("Below the reference's least", "0 %", share(picture["below"])))
        rows.append(("Above the reference's greatest", "0 %", share(picture["above"])))
    if picture["categories"]:
        rows.append(("New categories", "0 %", share(picture["categories"]["new"]["share"])))
    return rows


def _level(level: float) -> str:
    return LEVELS.get(level, f"{level:.0%} quantile")


def changes(picture: Picture, *, is_drifted: bool) -> list[str]:
    """The changes, in a few words each: new categories, nulls, values out of range, and the shift.

    Args:
        picture: Of one window.
        is_drifted: True to name all of it, and the shift; else only what is not rare.
    """
    if picture["rows"] is None:
        return []
    least = 0.0 if is_drifted else LEAST
    shift = [_shift(picture)] if is_drifted else []
    found = [
        _new_categories(picture, least),
        _nulls(picture, least),
        *_out_of_range(picture, least),
    ]
    return [each for each in [*found, *shift] if each]


def _new_categories(picture: Picture, least: float) -> str:
    new = picture["categories"]["new"] if picture["categories"] else {}
    if not new or new["share"] is None or new["share"] <= least:
        return ""
    names = ", ".join(each["name"] for each in new["examples"])
    return f"new {share(new['share'])}: {names}" if names else f"new {share(new['share'])}"


def _nulls(picture: Picture, least: float) -> str:
    usual, now = picture["null_rate"]["reference"], picture["null_rate"]["current"]
    if now is None or abs(now - usual) <= least:
        return ""
    return f"null {share(usual)} → {share(now)}"


def _out_of_range(picture: Picture, least: float) -> Iterator[str]:
    ends = picture["quantiles"] or [{"reference": None}]
    for side, end in (("below", ends[0]), ("above", ends[-1])):
        if picture[side] is not None and picture[side] > least:
            bound = "" if end["reference"] is None else f" {number(end['reference'], DIGITS)}"
            yield f"{side}{bound or ' the range'}: {share(picture[side])}"


def _shift(picture: Picture) -> str:
    """The median then and now, or the category whose share changed most."""
    if picture["kind"] == "categorical":
        return _largest_change(picture["shares"], picture["categories"]["names"])
    medians = [each for each in picture["quantiles"] or [] if each["level"] == MEDIAN]
    for each in medians:
        return f"median {number(each['reference'], DIGITS)} → {number(each['current'], DIGITS)}"
    return ""


def _largest_change(shares: Mapping[str, Sequence[float]], names: Sequence[str] | None) -> str:
    if not names or not shares["current"]:
        return ""
    rows = zip(names, shares["reference"], shares["current"], strict=True)
    name, usual, now = max(rows, key=lambda row: abs(row[2] - row[1]))
    return f"{name} {share(usual)} → {share(now)}" if usual != now else ""
