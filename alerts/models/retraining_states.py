"""The states of a retraining request and the moves between them, as one table; all of it is pure."""

from collections.abc import Mapping

from django.db.models import TextChoices


class State(TextChoices):
    REQUESTED = "requested"
    DEPLOYED = "deployed"  # a new model was reported; its baseline is being built
    VERIFYING = "verifying"  # windows of the new model are compared with the old limits
    EFFECTIVE = "effective"
    INEFFECTIVE = "ineffective"
    UNVERIFIED = "unverified"  # no labels or scores to say so
    EXPIRED = "expired"  # no deployment came in time


class IllegalState(Exception):
    """The state of a request does not permit the move; the message names the state."""


OPEN_STATES = ("deployed", "requested", "verifying")

MOVES: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.DEPLOYED, State.EXPIRED}),
    State.DEPLOYED: frozenset({State.DEPLOYED, State.VERIFYING, State.UNVERIFIED}),
    State.VERIFYING: frozenset(
        {State.DEPLOYED, State.EFFECTIVE, State.INEFFECTIVE, State.UNVERIFIED}
    ),
    State.EFFECTIVE: frozenset(),
    State.INEFFECTIVE: frozenset(),
    State.UNVERIFIED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""The states that may follow each state. A newer deployment takes an open request back to `deployed`."""


def next_state(state: str, to: State) -> State:
    """The state after a move.

    Raises:
        IllegalState: If the state does not permit it.
    """
    if to not in MOVES[State(state)]:
        raise IllegalState(f"A retraining request that is {state} can't become {to}.")
    return to
