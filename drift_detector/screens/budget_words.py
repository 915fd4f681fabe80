"""Says in a sentence what a monitor takes of the false-alarm budget."""

from collections.abc import Mapping

from algorithms.charts.number_words import number


def taken_in_words(added: Mapping[str, float]) -> str:
    """The part of its tenant's budget that a monitor takes, in words.

    Args:
        added: See `monitors.budgets.expectations.added_by`.
    """
    adds, promised, level = (number(added[name], 2) for name in ("adds", "promised", "level"))
    return (
        f"It takes at most {adds} of the {promised} false alerts a month that your budget allows; "
        f"the level of its runs is {level}."
    )
