import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.models.retraining_states import MOVES, OPEN_STATES, IllegalState, State, next_state


def test_moves__of_the_table__are_these() -> None:
    legal = {f"{state} > {to}" for state, following in MOVES.items() for to in following}
    assert legal == {
        "requested > deployed", "requested > expired",
        "deployed > deployed", "deployed > verifying", "deployed > unverified",
        "verifying > deployed", "verifying > effective", "verifying > ineffective", "verifying > unverified",
    }  # fmt: skip


@given(st.sampled_from(State), st.sampled_from(State))
def test_next_state__any_pair__follows_the_table_or_names_the_state(
    state: State, to: State
) -> None:
    if to in MOVES[state]:
        assert next_state(state, to) is to
    else:
        with pytest.raises(IllegalState, match=f"that is {state} can't become {to}"):
            next_state(state, to)


def test_open_states__are_those_that_something_follows() -> None:
    assert set(OPEN_STATES) == {state for state, following in MOVES.items() if following}
