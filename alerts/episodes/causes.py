"""Names the likely cause of a drift, from what its run has counted already.

Features that changed alike are one group, with one cause: the same fault, as many more nulls, the same new category,
another number of rows, the same factor between the means and between the spreads. What fits none of
these has no cause that counts could name.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.episodes.run_answers import (
    METHODS_OF_KIND,
    FeatureAnswer,
    MethodAnswer,
    drifted_answers,
)
from algorithms.methods import Method

MOST_NAMED = 20
LEAST_FACTOR = 1.25
"""Mean and spread of real data move together by less than this; units differ by more."""
ALIKE = 0.02
"""The distance that the factors of mean and spread can have: sampling moves both a little."""
NEGLIGIBLE_MEAN = 0.1
"""A mean below this share of the spread has no factor worth its name."""


@dataclass(frozen=True, slots=True)
class _Sign:
    """The look of a feature's change; features with the same sign changed alike."""

    cause: str
    key: Hashable
    text: str


def cause_of(answers: Sequence[MethodAnswer], kind: str) -> dict[str, Any]:
    """The groups of features that changed alike, the largest first, and the cause of the first.

    Returns:
        `drifted`, the number of all drifted features, whether they are listed or not; `groups`, each
        with a cause, a text and its features; and the `likely` cause as a sentence, if one has a name.
    """
    ours = _of_kind(answers, kind)
    ranked = [each.name for _, each in drifted_answers(ours)]
    groups = _groups(ours, ranked)
    cause: dict[str, Any] = {"drifted": len(ranked), "groups": groups}
    return cause | ({"likely": _sentence(groups[0])} if groups else {})


def _of_kind(answers: Sequence[MethodAnswer], kind: str) -> list[MethodAnswer]:
    return [answer for answer in answers if answer.method in METHODS_OF_KIND[kind]]


def _groups(answers: Sequence[MethodAnswer], ranked: Sequence[str]) -> list[dict[str, Any]]:
    members: dict[_Sign, set[str]] = defaultdict(set)
    for sign, feature in _signs(answers):
        members[sign].add(feature)
    groups = [_group(sign, ranked, features) for sign, features in members.items()]
    return sorted(groups, key=lambda group: -group["count"])


def _group(sign: _Sign, ranked: Sequence[str], features: set[str]) -> dict[str, Any]:
    names = [name for name in ranked if name in features]
    return {
        "cause": sign.cause,
        "text": sign.text,
        "count": len(names),
        "features": names[:MOST_NAMED],
    }


def _signs(answers: Sequence[MethodAnswer]) -> Iterator[tuple[_Sign, str]]:
    """The sign of each drifted feature that has one; a fault explains more than nulls, and these than a scale."""
    seen: set[str] = set()
    for each, sign in _candidates(answers):
        if sign is not None and each.name not in seen:
            seen.add(each.name)
            yield sign, each.name


def _candidates(answers: Sequence[MethodAnswer]) -> Iterator[tuple[FeatureAnswer, _Sign | None]]:
    for method, sign_of in READERS:
        for answer in answers:
            if answer.method == method or method is None:
                yield from ((each, sign_of(each)) for each in answer.features if _drifted(each))


def _drifted(each: FeatureAnswer) -> bool:
    return each.verdict == "drift"


def _row_count(each: FeatureAnswer) -> _Sign | None:
    rows, usual = each.values("n_current"), (each.values("explanation") or {}).get("usual")
    if not usual:
        return None
    verb = "fewer" if rows < usual else "more"
    return _Sign(
        "row_count", verb, f"the window has {verb} rows than usual ({rows:,}, not {usual:,.0f})"
    )


def _nulls(each: FeatureAnswer) -> _Sign | None:
    before, now = each.values("null_rate_reference"), each.values("null_rate_current")
    if before is None or now is None:
        return None
    change = round(100 * (now - before))
    verb = "more" if change > 0 else "fewer"
    return _Sign("nulls", change, f"{abs(change)} % of the rows {verb} have no value")


def _new_category(each: FeatureAnswer) -> _Sign | None:
    examples = (each.values("explanation") or {}).get("new_category_examples")
    if not examples:
        return None
    name = str(examples[0])
    return _Sign("new_category", name, f"there is a new category, {name!r}")


def _fault(each: FeatureAnswer) -> _Sign | None:
    """The fault that the run named; it was tried on the data, and explains more than a sign of counts."""
    fault = each.values("fault")
    return _Sign("fault", fault["text"], f"the change {fault['text']}") if fault else None


def _scale(each: FeatureAnswer) -> _Sign | None:
    before, now = each.values("reference_summary"), each.values("current_summary")
    factor = _common_factor(before, now) if before and now else None
    if factor is None:
        return None
    shown = f"{factor:.2g}"
    return _Sign("scale", shown, f"all values are about {shown} times as large, as in another unit")


def _common_factor(before: dict[str, Any], now: dict[str, Any]) -> float | None:
    """The factor by which both the mean and the spread changed; None if they changed by different ones."""
    of_mean, of_spread = _ratio(before, now, "mean"), _ratio(before, now, "std")
    if of_mean is None or of_spread is None or of_mean <= 0:
        return None
    if abs(before["mean"]) < NEGLIGIBLE_MEAN * before["std"]:
        return None
    is_common = abs(of_mean / of_spread - 1) <= ALIKE
    return of_mean if is_common and max(of_mean, 1 / of_mean) >= LEAST_FACTOR else None


def _ratio(before: dict[str, Any], now: dict[str, Any], name: str) -> float | None:
    old, new = before.get(name), now.get(name)
    if not isinstance(old, int | float) or not isinstance(new, int | float) or not old or not new:
        return None
    return float(new / old)


READERS = (
    (None, _fault),
    (Method.ROW_COUNT.value, _row_count),
    (Method.NULL_RATE.value, _nulls),
    (Method.NEW_CATEGORIES.value, _new_category),
    (None, _scale),
)
"""The signs, those that explain the most first, each with the method whose drift shows it."""


def _sentence(group: dict[str, Any]) -> str:
    named = ", ".join(group["features"][:3])
    more = group["count"] - 3
    names = f"{named} and {more} more" if more > 0 else named
    return f"In {names}, {group['text']}." if group["cause"] != "row_count" else _capital(group)


def _capital(group: dict[str, Any]) -> str:
    text: str = group["text"]
    return f"{text[0].upper()}{text[1:]}."
