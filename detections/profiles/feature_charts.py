"""Turns stored pictures of a feature into charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from drift_detector.charts.distributions import (
    CategoryShare,
    NumericShares,
    axis_of,
    category_distribution,
    numeric_distribution,
)
from drift_detector.charts.svg import NO_TEXT, Markup

type Picture = Mapping[str, Any]
"""A feature of `get_run_profile`."""

FIRST_QUANTILE, LAST_QUANTILE = 1, -2
"""The places of the 1 % and 99 % quantiles between the least and the greatest value."""


def distribution_chart(picture: Picture) -> Markup:
    """The feature's reference and current distribution; empty if the window holds no row of it."""
    shares = picture["shares"]
    if shares["current"] is None or not shares["reference"]:
        return NO_TEXT
    label = f"{picture['feature']}: reference and current distribution"
    if picture["kind"] == "categorical":
        return category_distribution(_categories(picture), label=label)
    if picture["is_sensitive"]:
        return category_distribution(_cells_without_values(shares), label=label)
    return numeric_distribution(_numeric(picture), label=label)


def _numeric(picture: Picture) -> NumericShares:
    quantiles = picture["quantiles"]
    ends = [quantiles[0], quantiles[-1]]
    known = [
        value
        for each in ends
        for value in (each["reference"], each["current"])
        if value is not None
    ]
    edges = list(picture["edges"])
    low, high = axis_of(_axis_values(quantiles))
    first = min([*known, *edges[:1], low])
    last = max([*known, *edges[-1:], high])
    return NumericShares(
        edges=[first, *edges, last],
        reference=picture["shares"]["reference"],
        current=picture["shares"]["current"],
        low=low,
        high=high,
    )


def _axis_values(quantiles: Sequence[Mapping[str, Any]]) -> list[float | None]:
    inner = [quantiles[FIRST_QUANTILE], quantiles[LAST_QUANTILE]]
    return [each[window] for each in inner for window in ("reference", "current")]


def _categories(picture: Picture) -> list[CategoryShare]:
    """The reference's categories, then those that rose, the others together, and the new ones."""
    shares, categories = picture["shares"], picture["categories"]
    names = categories["names"] or [
        f"category {place + 1}" for place in range(len(shares["reference"]))
    ]
    known = [
        CategoryShare(name, reference, current)
        for name, reference, current in zip(
            names, shares["reference"], shares["current"], strict=True
        )
    ]
    risen = [
        CategoryShare(each["name"], each["reference"], each["current"])
        for each in categories["risen"]
    ]
    other, new = categories["other"], categories["new"]
    rest = [CategoryShare("(all others)", other["reference"], other["current"])]
    shown = known + risen + (rest if other["reference"] or other["current"] else [])
    if new["share"]:
        examples = ", ".join(each["name"] for each in new["examples"])
        shown.append(
            CategoryShare(f"new: {examples}" if examples else "(new)", None, new["share"], "new")
        )
    return shown


def _cells_without_values(shares: Mapping[str, Sequence[float]]) -> list[CategoryShare]:
    pairs = zip(shares["reference"], shares["current"], strict=True)
    return [CategoryShare(f"cell {place}", *pair) for place, pair in enumerate(pairs, 1)]
