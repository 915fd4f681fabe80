"""Names categories that are written in other letters, with other spaces or dashes."""

import re
from collections import Counter
from collections.abc import Iterator

from .category_evidence import CategoryEvidence, list_pairs, moved
from .fault import Explanation, Fault, FaultKind

SEPARATORS = re.compile(r"[\s_\-.]+")


def explain(evidence: CategoryEvidence) -> Iterator[Explanation]:
    """The new categories that are those of the reference but for their spelling."""
    spelt = Counter(map(plain_spelling, evidence.before))
    known = {plain_spelling(name): name for name in evidence.before}
    pairs = {
        name: known[plain_spelling(name)]
        for name in evidence.new
        if spelt[plain_spelling(name)] == 1
    }
    if pairs:
        fault = Fault.likely(
            FaultKind.SPELLING, f"another case or other spaces: {list_pairs(pairs)}"
        )
        yield from evidence.explained(fault, moved(evidence.now, pairs))


def plain_spelling(name: str) -> str:
    """A name without its case, spaces, dashes, dots and underscores."""
    return SEPARATORS.sub("", name.casefold())
