"""Names a category that stands for values that are missing."""

from collections.abc import Iterator

from .category_evidence import CategoryEvidence, quoted
from .fault import Explanation, Fault, FaultKind

WORDS = frozenset(
    {"", "-", "?", "unknown", "other", "others", "none", "null", "nan", "n/a", "na", "default", "missing"}
    | {"undefined", "unspecified", "not available", "not set", "misc", "empty", "0", "-1", "(blank)"}
)  # fmt: skip
LEAST_SHARE = 0.05
"""The share by which a default has grown at least."""
LARGE_SHARE = 0.2
"""The share from which a new category without such a word is a default rather than one more category."""
FEWEST_OTHERS = 3
"""Categories besides: with fewer, all that grows makes the others shrink alike."""


def explain(evidence: CategoryEvidence) -> Iterator[Explanation]:
    """The category that took the same share of the rows of all others."""
    target = max(evidence.now, key=lambda name: (evidence.gained(name), name))
    share = evidence.gained(target) / evidence.profile.rows
    if share < _least_share(evidence, target) or len(evidence.before) <= FEWEST_OTHERS:
        return
    name = Fault.likely if is_default_word(target) else Fault.possible
    words = f"a new default: {share:.0%} more of the rows hold {quoted(target)}"
    yield from evidence.explained(name(FaultKind.DEFAULT, words), _without(evidence, target))


def is_default_word(name: str) -> bool:
    """True for words by which systems say that a value is missing."""
    return name.strip().casefold() in WORDS


def _least_share(evidence: CategoryEvidence, target: str) -> float:
    return LEAST_SHARE if is_default_word(target) else LARGE_SHARE


def _without(evidence: CategoryEvidence, target: str) -> dict[str, int]:
    """The window's rows, with no more of a category than the others' rows would have beside them."""
    others = evidence.profile.rows - evidence.now[target]
    before = evidence.before.get(target, 0)
    rest = max(1, evidence.reference.n - before)
    return evidence.now | {target: round(before * others / rest)}
