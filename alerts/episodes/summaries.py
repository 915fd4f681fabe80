"""Says in words what an alert is about, and why it moved."""

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.episodes.observations import Observation
from alerts.episodes.phases import Move
from alerts.models import Alert
from algorithms.charts.number_words import number
from detections.slice_words import record_in_words

MOST_NAMES = 3


def sentence_of(
    monitor: str, records: Sequence[Mapping[str, Any]], cause: Mapping[str, Any]
) -> str:
    """The summary of an alert: the monitor, the features that weigh most, and the likely cause."""
    names = list(dict.fromkeys(record_in_words(record) for record in records))
    count = max(len(names), cause.get("drifted", 0))
    said = f"{monitor}: drift in {named(names, count)}"
    likely = cause.get("likely")
    return f"{said}. {likely}" if likely else said


def named(names: Sequence[str], count: int) -> str:
    """The first names of `count`, and how many more there are."""
    shown = ", ".join(names[:MOST_NAMES])
    more = count - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def reason_of(move: Move, alert: Alert, observation: Observation | None = None) -> str:
    """The cause of a move that a run makes, in words.

    Args:
        move: The move.
        alert: As it is after the move.
        observation: What the run says; None for one that no budget holds back.
    """
    if move is Move.WORSENED:
        return f"The severity of the newest window is {alert.severity}."
    if observation is not None and observation.evidence is not None and observation.is_faint:
        return FAINT_REASONS.get(move, REASONS[move]).format(
            p=number(observation.evidence.p_value), level=number(observation.evidence.level)
        )
    return REASONS[move]


FAINT_REASONS: Mapping[Move, str] = {
    Move.PENDING: "A run drifted; its p-value {p} is above half of the budget's level {level}.",
    Move.OPENED: "The last runs drifted; together they are beyond the budget's level {level}, though the last "
    "alone, with the p-value {p}, is not.",
}


REASONS: Mapping[Move, str] = {
    Move.PENDING: "A run drifted; more must follow before the alert opens.",
    Move.OPENED: "Enough runs drifted.",
    Move.RECOVERING: "A run that judged all that drifted is ok.",
    Move.RELAPSED: "A run drifted again before the alert was resolved.",
    Move.RESOLVED: "Enough runs in a row that judged all that drifted are ok.",
    Move.FADED: "Too few runs drifted; the alert was never opened.",
}
