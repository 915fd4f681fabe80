"""The phases of an episode, the attention that it gets, and the moves between them, as one table.

Everything here is pure, so that the service and the simulation of a year share it.
"""

from collections.abc import Mapping
from enum import StrEnum

from django.db.models import TextChoices


class Phase(TextChoices):
    PENDING = "pending"  # too few drifted runs yet; people do not hear of it
    OPEN = "open"
    RECOVERING = "recovering"  # the newest run is ok; more must follow
    RESOLVED = "resolved"


class Attention(TextChoices):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"


class Move(StrEnum):
    """The moves of an alert; the values are the kinds of its events."""

    PENDING = "pending"
    OPENED = "opened"
    WORSENED = "worsened"
    RECOVERING = "recovering"
    RELAPSED = "relapsed"
    RESOLVED = "resolved"
    FADED = "faded"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"


class IllegalMove(Exception):
    """The alert's state does not permit the move; the message names the state."""


NO_PHASE = ""
"""The phase of an alert that does not exist yet."""

PHASE_MOVES: Mapping[tuple[str, Move], Phase] = {
    (NO_PHASE, Move.PENDING): Phase.PENDING,
    (NO_PHASE, Move.OPENED): Phase.OPEN,
    (Phase.PENDING, Move.OPENED): Phase.OPEN,
    (Phase.PENDING, Move.FADED): Phase.RESOLVED,
    (Phase.OPEN, Move.WORSENED): Phase.OPEN,
    (Phase.OPEN, Move.RECOVERING): Phase.RECOVERING,
    (Phase.OPEN, Move.RESOLVED): Phase.RESOLVED,
    (Phase.RECOVERING, Move.RELAPSED): Phase.OPEN,
    (Phase.RECOVERING, Move.RESOLVED): Phase.RESOLVED,
    (Phase.OPEN, Move.ACKNOWLEDGED): Phase.OPEN,
    (Phase.RECOVERING, Move.ACKNOWLEDGED): Phase.RECOVERING,
    (Phase.RESOLVED, Move.ACKNOWLEDGED): Phase.RESOLVED,
    (Phase.OPEN, Move.SNOOZED): Phase.OPEN,
    (Phase.RECOVERING, Move.SNOOZED): Phase.RECOVERING,
    (Phase.OPEN, Move.SNOOZE_ENDED): Phase.OPEN,
    (Phase.RECOVERING, Move.SNOOZE_ENDED): Phase.RECOVERING,
    (Phase.RESOLVED, Move.SNOOZE_ENDED): Phase.RESOLVED,
}
"""The phase after each legal move; a move that is not here is illegal in that phase."""

ATTENTION_MOVES: Mapping[tuple[Attention, Move], Attention] = {
    (Attention.NEW, Move.ACKNOWLEDGED): Attention.ACKNOWLEDGED,
    (Attention.SNOOZED, Move.ACKNOWLEDGED): Attention.ACKNOWLEDGED,
    (Attention.NEW, Move.SNOOZED): Attention.SNOOZED,
    (Attention.ACKNOWLEDGED, Move.SNOOZED): Attention.SNOOZED,
    (Attention.SNOOZED, Move.SNOOZED): Attention.SNOOZED,
    (Attention.SNOOZED, Move.SNOOZE_ENDED): Attention.NEW,
    (Attention.NEW, Move.WORSENED): Attention.NEW,
    (Attention.ACKNOWLEDGED, Move.WORSENED): Attention.NEW,
    (Attention.SNOOZED, Move.WORSENED): Attention.NEW,
}
"""The attention after a move that changes it; people's moves that are not here are illegal."""

MOVES_OF_PEOPLE = frozenset({Move.ACKNOWLEDGED, Move.SNOOZED, Move.SNOOZE_ENDED})


def next_phase(phase: str, move: Move) -> Phase:
    """The phase after a move.

    Raises:
        IllegalMove: If the phase does not permit it.
    """
    try:
        return PHASE_MOVES[phase, move]
    except KeyError:
        raise IllegalMove(f"An alert that is {phase or 'not there'} can't become {move}.") from None


def next_attention(attention: Attention, move: Move) -> Attention:
    """The attention after a move; it stays where the move is not about it.

    Raises:
        IllegalMove: If a person's move is not legal.
    """
    if move in MOVES_OF_PEOPLE and (attention, move) not in ATTENTION_MOVES:
        raise IllegalMove(f"An alert that is {attention} can't become {move}.")
    return ATTENTION_MOVES.get((attention, move), attention)
