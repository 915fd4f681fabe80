"""Shows what an apply of a document would do, or has done, to people."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

MARKS = {"create": "+", "change": "~", "adopt": "=", "remove": "-", "refused": "!"}
COLOURS = {"create": 32, "change": 33, "adopt": 36, "remove": 31, "refused": 31}
WORDS = {
    "create": "to create",
    "change": "to change",
    "adopt": "to adopt",
    "remove": "no longer named",
    "refused": "refused",
}
LONGEST_VALUE = 120
NOTHING = "No change."

type Plan = Mapping[str, Any]


def has_colours(stream: TextIO) -> bool:
    """True for a terminal whose user has not asked for plain text (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def show_plan(plan: Plan) -> str:
    """A plan as lines: each object that is not as the document says, field by field, and a count."""
    colours = has_colours(sys.stdout)
    objects = [*plan["monitors"], *([plan["budget"]] if plan["budget"] else [])]
    lines = [line for each in objects for line in _show_object(each, colours=colours)]
    return "\n".join([f"{plan['name']}: {count_words(plan)}", *lines])


def count_words(plan: Plan) -> str:
    """The numbers of a plan as a sentence."""
    counts = plan["counts"]
    said = [f"{counts[action]} {words}" for action, words in WORDS.items() if counts[action]]
    return f"{', '.join(said)}, {counts['unchanged']} unchanged." if said else NOTHING


def _show_object(step: Mapping[str, Any], *, colours: bool) -> Iterable[str]:
    by_hand = {each["field"]: each for each in step["edited_by_hand"]}
    if step["action"] == "unchanged":
        return
    head = f"  {MARKS[step['action']]} {step['name']}"
    if step["action"] == "refused":
        head = f"{head}: {step['reason']}"
    yield _coloured(head, COLOURS[step["action"]], colours=colours)
    for change in step["changes"]:
        note = " (edited by hand)" if by_hand.pop(change["field"], None) else ""
        yield f"      {_show_change(change)}{note}"
    for change in by_hand.values():
        yield f"      {_show_change(change)} (by hand, and so in the document)"


def _show_change(change: Mapping[str, Any]) -> str:
    if change["before"] is None:
        return f"{change['field']}: {_value(change['after'])}"
    return f"{change['field']}: {_value(change['before'])} -> {_value(change['after'])}"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _coloured(text: str, colour: int, *, colours: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if colours else text
