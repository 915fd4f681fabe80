"""Names the moves that lead an alert from its phase to the state of its episode; pure."""

from collections.abc import Mapping

from alerts.episodes.folding import EpisodeState
from alerts.episodes.phases import NO_PHASE, Move, Phase
from algorithms.verdicts import rank

WAYS: Mapping[tuple[str, str], tuple[Move, ...]] = {
    (NO_PHASE, Phase.PENDING): (Move.PENDING,),
    (NO_PHASE, Phase.OPEN): (Move.OPENED,),
    (NO_PHASE, Phase.RECOVERING): (Move.OPENED, Move.RECOVERING),
    (Phase.PENDING, Phase.OPEN): (Move.OPENED,),
    (Phase.PENDING, Phase.RECOVERING): (Move.OPENED, Move.RECOVERING),
    (Phase.PENDING, NO_PHASE): (Move.FADED,),
    (Phase.OPEN, Phase.RECOVERING): (Move.RECOVERING,),
    (Phase.OPEN, NO_PHASE): (Move.RESOLVED,),
    (Phase.RECOVERING, Phase.OPEN): (Move.RELAPSED,),
    (Phase.RECOVERING, NO_PHASE): (Move.RESOLVED,),
}
"""The moves from one phase to another; no phase is an episode that is not there, or is over."""

NOTIFYING = frozenset({Move.OPENED, Move.WORSENED, Move.RESOLVED})
"""The moves that people are notified of."""


def moves_between(phase: str, state: EpisodeState, announced: str) -> tuple[Move, ...]:
    """The moves of an alert to the state of its episode.

    Args:
        phase: The phase of the alert; empty for a new one.
        state: The state after the newest window.
        announced: The highest severity that people were notified of.
    """
    moves = WAYS.get((phase, state.phase), ())
    is_open = state.phase == Phase.OPEN and Move.OPENED not in moves
    if is_open and rank(state.severity) > rank(announced):
        return (*moves, Move.WORSENED)
    return moves
