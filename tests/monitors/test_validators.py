"""The rules of a monitor's fields, at their edges."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from monitors.validators import (
    check_importances,
    check_methods,
    check_monitor,
    check_thresholds,
    check_tolerances,
)

JANUARY, FEBRUARY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "schedule_cron": "0 6 * * *",
    "timezone": "Europe/Berlin",
    "window": timedelta(days=1),
    "window_lag": timedelta(0),
    "misfire_grace": timedelta(minutes=1),
    "label_delay": None,
    "reference_start": JANUARY,
    "reference_end": FEBRUARY,
    "timestamp_column": "at",
    "prediction_column": "",
    "label_column": "",
    "concept_methods": ["adwin", "ddm"],
    "error_scale": None,
    "error_batch": 1,
    "performance_limits": {},
    "score_column": "",
    "slices": [],
    "sensitive_features": [],
}


@pytest.mark.parametrize(
    "change",
    [{}, {"window": timedelta(microseconds=1)}, {"reference_start": None}, {"reference_end": None},
     {"reference_start": None, "reference_end": None, "timestamp_column": ""}],
)  # fmt: skip
def test_check_monitor__good__passes(change: dict[str, Any]) -> None:
    check_monitor(GOOD | change)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schedule_cron": "nonsense"}, "schedule_cron"),
        ({"timezone": "Nowhere"}, "timezone"),
        ({"schedule_cron": "nonsense", "timezone": "Nowhere"}, "timezone"),
        ({"window": timedelta(0)}, "window"),
        ({"window": -timedelta(days=1)}, "window"),
        ({"window": timedelta.max}, "window"),
        ({"window_lag": timedelta(microseconds=-1)}, "window_lag"),
        ({"window_lag": timedelta.max}, "window_lag"),
        ({"misfire_grace": timedelta(microseconds=-1)}, "misfire_grace"),
        ({"misfire_grace": timedelta.max}, "misfire_grace"),
        (
            {
                "label_delay": timedelta(microseconds=-1),
                "performance_limits": {"f1": {"minimum": 1}},
            },
            "label_delay",
        ),
        (
            {"label_delay": timedelta.max, "performance_limits": {"f1": {"minimum": 1}}},
            "label_delay",
        ),
        ({"label_delay": timedelta(days=7)}, "label_delay"),
        ({"reference_end": JANUARY}, "reference_end"),
        ({"timestamp_column": ""}, "timestamp_column"),
        ({"prediction_column": "p"}, "label_column"),
        ({"label_column": "y"}, "label_column"),
        ({"error_scale": 5.0}, "concept_methods"),
        ({"error_batch": 2}, "concept_methods"),
        (
            {
                "prediction_column": "p",
                "label_column": "y",
                "performance_limits": {"roc_auc": {"minimum": 0.8}},
            },
            "score_column",
        ),
    ],
)
def test_check_monitor__bad__names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        check_monitor(GOOD | change)
    assert list(refusal.value.message_dict) == [field]


def test_check_methods__doubled_and_in_any_order__each_once_in_ours() -> None:
    assert check_methods(["chi_squared", "ks", "ks"]) == ["ks", "chi_squared"]


@pytest.mark.parametrize("methods", [[], "ks", ["KS"], [None], [["ks"]], {"ks": 1}])
def test_check_methods__not_a_list_of_known_ones__is_refused(methods: Any) -> None:
    with pytest.raises(ValidationError, match="one or more of ks, psi, chi_squared"):
        check_methods(methods)


@pytest.mark.parametrize(
    "highest",
    [{"ks": 1.0, "psi": 100, "chi_squared": 1}, {}, {"ks": {"features": {}}}, {"psi": {}}],
)
def test_check_thresholds__at_the_edge__passes(highest: dict[str, Any]) -> None:
    assert set(check_thresholds(highest)) == set(highest)


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), float("-inf"), -0.1, 0, 1.0000001, True, None, "1", [1]]
)
def test_check_thresholds__not_a_number_in_range__is_refused(number: Any) -> None:
    for limits in ({"ks": number}, {"ks": {"features": {"age": number}}}):
        with pytest.raises(ValidationError, match="ks must"):
            check_thresholds(limits)


@pytest.mark.parametrize("number", [5e-324, 9e-101])
def test_check_limits__so_small_that_it_counts_as_zero__is_refused(number: float) -> None:
    for check, limits in (
        (check_thresholds, {"ks": number}),
        (check_tolerances, {"ks": {"features": {"age": number}}}),
        (check_importances, {"age": number}),
    ):
        with pytest.raises(ValidationError, match="must be at least 1e-100, not"):
            check(limits)
    assert check_thresholds({"ks": 1e-100})


def test_check_tolerances__psi__has_none() -> None:
    with pytest.raises(ValidationError, match="keys ks, chi_squared"):
        check_tolerances({"psi": 0.1})
