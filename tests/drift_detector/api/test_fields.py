"""Durations, by ISO 8601."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from drift_detector.api.fields import InstantField, IsoDurationField


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


@pytest.mark.parametrize(
    "text",
    [
        "P7D",
        "PT1H",
        "P1DT2H3M4S",
        "P4746D",
        "PT0S",
        "PT0.5S",
        "PT12.345678S",
        "PT0.000001S",
        "P1DT59M59.999999S",
        "PT23H59M0.1S",
        "PT10S",
        "PT20M",
    ],
)
def test_to_representation__duration__is_written_as_it_was_read(text: str) -> None:
    field = IsoDurationField()
    assert field.to_representation(field.run_validation(text)) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_600)))
def test_duration__any__is_read_as_it_was_written(duration: timedelta) -> None:
    field = IsoDurationField()
    assert field.run_validation(field.to_representation(duration)) == duration


@pytest.mark.parametrize("text", ["PT0.0000001S", "PT1.23456789S", "PT1,0000004S"])
def test_duration__finer_than_a_microsecond__is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="finer than a microsecond"):
        IsoDurationField().run_validation(text)


@pytest.mark.parametrize("offset", ["-17:55", "+16:00", "-23:59"])
def test_instant__offset_of_no_zone__is_refused(offset: str) -> None:
    with pytest.raises(ValidationError, match="offset"):
        InstantField().run_validation(f"2024-01-01T00:00:00{offset}")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"])
def test_instant__beyond_the_calendar__is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="year"):
        InstantField().run_validation(text)


def test_instant__without_zone__is_utc() -> None:
    assert InstantField().run_validation("2024-01-01T12:00:00") == datetime(
        2024, 1, 1, 12, tzinfo=UTC
    )
