from typing import Any

import pytest

from algorithms.charts.feature_figures import changes, then_and_now

LEVELS = (0.0, 0.5, 1.0)


def numeric(**fields: Any) -> dict[str, Any]:
    """A picture of a feature whose window is like its reference."""
    quantiles = [{"level": level, "reference": level, "current": level} for level in LEVELS]
    usual = {
        "kind": "numeric", "rows": 10, "null_rate": {"reference": 0.1, "current": 0.1},
        "below": 0.0, "above": 0.0, "quantiles": quantiles, "categories": None,
    }  # fmt: skip
    return usual | fields


def words(share: float, examples: list[str], *, names: list[str] | None = None) -> dict[str, Any]:
    """A picture of a feature with new categories."""
    new = {"share": share, "count": 3, "examples": [{"name": each} for each in examples]}
    return numeric(
        kind="categorical", quantiles=None, below=None, above=None,
        shares={"reference": [0.4, 0.6], "current": [0.1, 0.5]},
        categories={"names": names, "new": new},
    )  # fmt: skip


def test_changes__nothing_changed__are_none() -> None:
    assert changes(numeric(), is_drifted=False) == []


def test_changes__new_categories__are_named_with_their_share() -> None:
    found = changes(words(0.031, ["EV", "9E"], names=["AA", "UA"]), is_drifted=True)
    assert found == ["new 3.1 %: EV, 9E", "AA 40 % → 10 %"]


def test_changes__sensitive_categories__have_a_share_alone() -> None:
    assert changes(words(0.031, []), is_drifted=True) == ["new 3.1 %"]


def test_changes__nulls_and_range__say_then_and_now() -> None:
    picture = numeric(null_rate={"reference": 0.0, "current": 0.12}, above=0.03)
    assert changes(picture, is_drifted=False) == ["null 0 % → 12 %", "above 1: 3 %"]


@pytest.mark.parametrize(("is_drifted", "said"), [(False, 0), (True, 1)])
def test_changes__rare_ones__are_said_of_drifted_features(is_drifted: bool, said: int) -> None:
    found = changes(numeric(above=0.001), is_drifted=is_drifted)
    assert sum("above" in each for each in found) == said


def test_changes__window_without_a_picture__are_none() -> None:
    assert changes(numeric(rows=None), is_drifted=True) == []


def test_then_and_now__numeric__has_nulls_and_quantiles() -> None:
    assert [row[0] for row in then_and_now(numeric())] == ["Null", "Least", "Median", "Greatest"]
