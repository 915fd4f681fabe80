"""Defines the refusals of outcomes, and the sentence for a cell that cannot be read."""

from typing import Any

LONGEST_SHOWN = 60


class BadOutcomes(ValueError):
    """A batch that can't be read, with a sentence for its sender; nothing of it was taken."""


class IdReused(BadOutcomes):
    """The id of a batch or of a prediction came again with other content."""


def bad_cell(column: str, row: int, value: Any, need: str) -> BadOutcomes:
    """The refusal of a batch because of one value.

    Args:
        column: The field of the outcome.
        row: The outcome's number in its batch, from 0.
        value: As it was sent.
        need: What the value must do or be, as the end of a sentence.
    """
    return BadOutcomes(f"{column} of outcome {row} is {shown(value)}; it must {need}.")


def shown(value: Any) -> str:
    """A value as it can be shown in a sentence."""
    text = repr(value[: LONGEST_SHOWN + 1]) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
