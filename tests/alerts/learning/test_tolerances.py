"""Precision and candidate tolerances, from made-up alerts."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.learning.precision import JudgedAlert, precision_by_feature, precision_of
from alerts.learning.tolerances import find_candidates

HIGHEST = {"ks": 1.0}
KS = ("ks", "dep_delay")
REASONS = ["real", "data_bug", "noise", "expected"]


def alert(reason: str, *effects: float, feature: str = "dep_delay") -> JudgedAlert:
    return JudgedAlert(
        alert_id=uuid4(),
        reason=reason,
        features=frozenset({feature}),
        effects={("ks", feature): effects} if effects else {},
    )


def test_precision__by_reason__counts_the_expected_apart() -> None:
    found = precision_of([alert(reason) for reason in [*REASONS, "noise"]])
    assert found.counts == {"real": 1, "data_bug": 1, "noise": 2, "expected": 1}
    assert found.precision == 0.5


def test_precision__only_expected__is_unknown() -> None:
    assert precision_of([alert("expected")]).precision is None


def test_precision__by_feature__the_worst_comes_first() -> None:
    found = precision_by_feature(
        [alert("real", feature="a"), alert("noise", feature="b"), alert("expected", feature="c")]
    )
    assert [(name, each.precision) for name, each in found.items()] == [
        ("b", 0.0),
        ("a", 1.0),
        ("c", None),
    ]


def test_candidates__six_of_seven_noise__is_the_sentence_of_the_issue() -> None:
    noise = [alert("noise", effect) for effect in (0.1, 0.11, 0.12, 0.13, 0.131, 0.135)]
    (found,) = find_candidates([*noise, alert("real", 0.3)], HIGHEST)
    assert found.words == "tolerance of dep_delay (ks) to 0.14: 6 of 7 alerts were noise"


@pytest.mark.parametrize(
    "alerts",
    [
        [alert("noise", 0.1), alert("noise", 0.1)],
        [*(alert("noise", 0.1) for _ in range(3)), alert("real", 0.1)],
        [*(alert("noise", 0.1) for _ in range(3)), alert("data_bug", 0.5, 0.05)],
        [*(alert("noise", 0.1) for _ in range(3)), *(alert("noise", 0.4) for _ in range(4)),
         alert("real", 0.2)],
        [*(alert("expected", 0.1) for _ in range(9))],
    ],
    ids=["too few", "as large", "a smaller window", "hides the lesser part", "expected"],
)  # fmt: skip
def test_candidates__noise_that_is_no_pattern_or_as_large_as_the_real__none(
    alerts: list[JudgedAlert],
) -> None:
    assert find_candidates(alerts, HIGHEST) == []


def test_candidates__method_without_a_tolerance__none() -> None:
    assert find_candidates([alert("noise", 0.1) for _ in range(3)], {}) == []


EFFECTS = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=3)
ALERTS = st.lists(
    st.tuples(st.sampled_from(REASONS), EFFECTS).map(lambda pair: alert(pair[0], *pair[1])),
    max_size=12,
)


@given(ALERTS)
def test_candidates__any_history__stay_below_every_window_of_a_real_alert(
    alerts: list[JudgedAlert],
) -> None:
    for found in find_candidates(alerts, HIGHEST):
        real = [effect for each in alerts if each.is_true for effect in each.effects[KS]]
        hidden = [
            each for each in alerts if each.is_noise and max(each.effects[KS]) <= found.tolerance
        ]
        assert found.tolerance <= 1.0
        assert all(effect > found.tolerance for effect in real)
        assert len(hidden) >= 3
