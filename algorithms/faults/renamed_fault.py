"""Names categories that have new names."""

from collections.abc import Iterator

from .category_evidence import FEWEST_EXPECTED, CategoryEvidence, list_pairs, moved
from .fault import Explanation, Fault, FaultKind

MOST_PAIRS = 100


def explain(evidence: CategoryEvidence) -> Iterator[Explanation]:
    """Each lost category under the new name that has as many rows."""
    new = [name for name in evidence.new if evidence.now[name] >= FEWEST_EXPECTED]
    if not evidence.lost or len(new) != len(evidence.lost) or len(new) > MOST_PAIRS:
        return
    pairs = dict(zip(new, evidence.lost, strict=True))
    if all(evidence.is_about(evidence.now[a], evidence.expected(b)) for a, b in pairs.items()):
        name = Fault.likely if len(pairs) == 1 or not _has_rest(evidence) else Fault.possible
        fault = name(FaultKind.RENAMED, f"new names: {list_pairs(pairs)}")
        yield from evidence.explained(fault, moved(evidence.now, pairs))


def _has_rest(evidence: CategoryEvidence) -> bool:
    """True if the window holds categories of the reference, so that not all were renamed alike."""
    return any(evidence.now[name] for name in evidence.before)
