"""The fields that name references in time."""

from typing import Any

import jsonschema
import pytest
from django.core.exceptions import ValidationError

from monitors.time_references.reference_checks import (
    check_calendar,
    check_entries,
    entries_schema,
)


def test_check_entries__settings_left_open__have_their_defaults() -> None:
    sent = [{"kind": "trailing", "length": "P4W"}, {"kind": "day_of_month"}, {"kind": "previous"}]
    assert check_entries(sent) == [
        {"kind": "trailing", "length": "P28D", "offset": "PT0S"},
        {"kind": "day_of_month", "months": 6},
        {"kind": "previous"},
    ]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("previous", "must be a list"),
        (["previous"], "must be a list"),
        ([{}], "kind must be one of trailing, previous, day_of_month, month_of_year"),
        ([{"kind": "seasonal"}], "kind must be one of"),
        ([{"kind": "holiday"}], "kind must be one of"),
        ([{"kind": "trailing"}], "needs its length"),
        ([{"kind": "trailing", "length": 28}], "not an ISO-8601 duration"),
        ([{"kind": "trailing", "length": "P0D"}], "length must be from PT1M to P732D"),
        ([{"kind": "trailing", "length": "P1D", "offset": "P9999D"}], "offset must be from"),
        ([{"kind": "previous", "months": 2}], "kind alone, and not 'months'"),
        ([{"kind": "day_of_month", "months": 0}], "whole number from 1 to 24"),
        ([{"kind": "day_of_month", "months": True}], "whole number from 1 to 24"),
        ([{"kind": "month_of_year", "years": 2.0}], "whole number from 1 to 5"),
        ([{"kind": "previous"}] * 2, "kinds that differ"),
        ([{"kind": "previous"}] * 4, "at most 3"),
    ],
)
def test_check_entries__wrong_ones__are_refused(entries: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        check_entries(entries)


@pytest.mark.parametrize(
    ("entries", "is_right"),
    [
        ([{"kind": "trailing", "length": "P28D"}], True),
        ([{"kind": "trailing"}], False),
        ([{"kind": "previous", "length": "P28D"}], False),
        ([{"kind": "day_of_month", "months": 25}], False),
        ([{"kind": "baseline"}], False),
    ],
)
def test_entries_schema__says_what_the_check_takes(entries: Any, is_right: bool) -> None:
    found = list(jsonschema.Draft202012Validator(entries_schema()).iter_errors(entries))
    assert (not found) is is_right


@pytest.mark.parametrize("calendar", ["", "DE", "DE-BY", "US", "US-CA"])
def test_check_calendar__known__is_kept(calendar: str) -> None:
    assert check_calendar(calendar) == calendar


@pytest.mark.parametrize("calendar", ["XX", "US-", "US-XX", "-CA", "us", "US-CA-1", 5, "D" * 30])
def test_check_calendar__unknown__is_refused(calendar: Any) -> None:
    with pytest.raises(ValidationError, match="holidays must be a country"):
        check_calendar(calendar)
