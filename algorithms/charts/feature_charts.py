"""Turns stored pictures of a feature into charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from .distributions import (
    CategoryShare,
    NumericShares,
    axis_of,
    category_distribution,
    numeric_distribution,
)
from .svg import NO_TEXT, Markup

type Picture = Mapping[str, Any]
"""A feature of `get_run_profile`."""

SMALL_WIDTH, SMALL_HEIGHT = 420.0, 170.0
MOST_SMALL = 6
"""Categories in a small chart."""
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


def small_distribution_chart(picture: Picture) -> Markup:
    """The same for a place beside others: narrower, with the categories whose shares differ most."""
    shares = picture["shares"]
    if shares["current"] is None or not shares["reference"]:
        return NO_TEXT
    label = f"{picture['feature']}: reference and current distribution"
    is_numeric = picture["kind"] == "numeric" and not picture["is_sensitive"]
    if is_numeric:
        size = {"width": SMALL_WIDTH, "height": SMALL_HEIGHT}
        return numeric_distribution(_numeric(picture), label=label, **size)
    is_category = picture["kind"] == "categorical"
    rows = _categories(picture) if is_category else _cells_without_values(shares)
    return category_distribution(_most_changed(rows), label=label, width=SMALL_WIDTH)


def reference_chart(picture: Picture) -> Markup:
    """The reference's distribution alone, as small; empty if it has no value."""
    shares = picture["shares"]
    if not shares["reference"]:
        return NO_TEXT
    label = f"{picture['feature']}: reference distribution"
    if picture["kind"] == "numeric" and not picture["is_sensitive"]:
        size = {"width": SMALL_WIDTH, "height": SMALL_HEIGHT}
        return numeric_distribution(_numeric(picture), label=label, **size)
    names = (picture["categories"] or {}).get("names") or _numbered(shares["reference"])
    pairs = zip(names, shares["reference"], strict=True)
    rows = [CategoryShare(name, share, None) for name, share in pairs]
    return category_distribution(rows[:MOST_SMALL], label=label, width=SMALL_WIDTH)


def _numbered(shares: Sequence[float]) -> list[str]:
    """Names for cells of which no value is shown."""
    return [f"cell {place}" for place in range(1, len(shares) + 1)]


def _most_changed(rows: Sequence[CategoryShare]) -> list[CategoryShare]:
    """The rows whose shares differ most, in their order."""
    ranked = sorted(rows, key=lambda row: -abs((row.current or 0.0) - (row.reference or 0.0)))
    kept = ranked[:MOST_SMALL]
    return [row for row in rows if row in kept]


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
