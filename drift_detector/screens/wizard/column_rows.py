"""The rows of the columns' table: what was seen of each, and what is ticked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from algorithms.charts.number_words import NOTHING, share
from drift_detector.screens.wizard.guesses import Guess

MOST_SHOWN = 200
"""Columns with a row of their own; the others are watched as guessed, or none of them is."""
KINDS = (("numeric", "Numbers"), ("categorical", "Categories"))


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column in the table.

    Attributes:
        place: Its number, by which its kind is sent.
        name: Its name.
        type: The type in the data.
        values: A few values.
        nulls: The share of nulls, in words.
        kind: The kind it is read as; None if it can't be compared.
        kinds: The kinds it can be read as.
        note: The reason why it is not ticked, if there is one.
        is_feature: True if it is watched.
        is_sensitive: True if no value of it is kept or shown.
    """

    place: int
    name: str
    type: str
    values: Sequence[str]
    nulls: str
    kind: str | None
    kinds: Sequence[tuple[str, str]]
    note: str
    is_feature: bool
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns that are chosen, as a monitor's fields name them."""

    features: Sequence[str]
    sensitive: Collection[str]
    kinds: Mapping[str, str]


def first_choice(guess: Guess) -> Choice:
    """The choice before a person has made one."""
    return Choice(guess.features, frozenset(), {})


def choice_of_fields(fields: Mapping[str, Any]) -> Choice:
    """The choice that a monitor's fields say."""
    return Choice(
        fields.get("feature_columns", ()),
        frozenset(fields.get("sensitive_features", ())),
        fields.get("feature_kinds", {}),
    )


def choice_of_form(sent: QueryDict, sample: Mapping[str, Any], guess: Guess) -> Choice:
    """The choice that a form says; columns without a row are taken as guessed if their box is ticked."""
    shown = sample["columns"][:MOST_SHOWN]
    ticked, sensitive = set(sent.getlist("features")), set(sent.getlist("sensitive"))
    features = [each["name"] for each in shown if each["name"] in ticked]
    if sent.get("others"):
        known = {each["name"] for each in shown}
        features += [name for name in guess.features if name not in known]
    kinds = {each["name"]: sent.get(f"kind-{place}", "") for place, each in enumerate(shown)}
    seen = {each["name"]: each["kind"] for each in shown}
    changed = {
        name: kind
        for name, kind in kinds.items()
        if name in ticked and kind in dict(KINDS) and kind != seen[name]
    }
    return Choice(features, sensitive & set(features), changed)


def column_rows(sample: Mapping[str, Any], guess: Guess, choice: Choice) -> list[ColumnRow]:
    """The rows of the table."""
    chosen = set(choice.features)
    return [
        _row(place, column, guess, choice, is_feature=column["name"] in chosen)
        for place, column in enumerate(sample["columns"][:MOST_SHOWN])
    ]


def _row(
    place: int, column: Mapping[str, Any], guess: Guess, choice: Choice, *, is_feature: bool
) -> ColumnRow:
    name, seen = column["name"], column["kind"]
    is_number = seen == "numeric"
    return ColumnRow(
        place=place,
        name=name,
        type=in_words(column["type"]),
        values=column["values"],
        nulls=NOTHING if column["null_rate"] is None else share(column["null_rate"]),
        kind=choice.kinds.get(name, seen),
        kinds=KINDS if is_number else KINDS[1:],
        note=guess.left_out.get(name, ""),
        is_feature=is_feature,
        is_sensitive=name in choice.sensitive,
    )


def in_words(data_type: str) -> str:
    """A type of Arrow in a word that needs no manual."""
    known = {
        "string": "text",
        "large_string": "text",
        "bool": "true or false",
        "double": "number",
        "float": "number",
        "null": "empty",
    }
    if data_type.startswith(("int", "uint")):
        return "whole number"
    if data_type.startswith("timestamp"):
        return "time" if "tz=" in data_type else "time without zone"
    if data_type.startswith("date"):
        return "date"
    if data_type.startswith("decimal"):
        return "decimal number"
    if data_type.startswith("dictionary"):
        return "category"
    return known.get(data_type, data_type)
