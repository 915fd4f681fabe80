"""Durations, by ISO 8601."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from drift_detector.api.fields import IsoDurationField


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P7D", timedelta(days=7)),
        ("P2W", timedelta(days=14)),
        ("PT1H", timedelta(hours=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT12H", timedelta(days=1.5)),
        ("PT0.5S", timedelta(seconds=0.5)),
        ("PT0S", timedelta(0)),
    ],
)
def test_to_internal_value__iso_duration__is_its_length(text: str, expected: timedelta) -> None:
    assert IsoDurationField().run_validation(text) == expected


@pytest.mark.parametrize(
    "value",
    ["", "P", "P1M", "P1Y", "P1Y2D", "P1MT1H", "PT", "7D", "1 day", "-P1D", "P-1D", "P7D ", "PnanD", "P1e3D",
     "P" + "9" * 30 + "D", 7, 7.5, True, [], {}, "p7d",
     "P7D\0"],
)  # fmt: skip
def test_to_internal_value__anything_else__says_what_is_wanted(value: Any) -> None:
    with pytest.raises(ValidationError, match="not an ISO-8601 duration"):
        IsoDurationField().run_validation(value)


@pytest.mark.parametrize("text", ["P7D", "PT1H", "P1DT2H3M4S", "P4746D", "PT0S", "PT0.5S"])
def test_to_representation__duration__is_written_as_it_was_read(text: str) -> None:
    field = IsoDurationField()
    assert field.to_representation(field.run_validation(text)) == text
