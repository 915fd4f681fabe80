"""Names categories that became one."""

from collections.abc import Iterator

from .category_evidence import CategoryEvidence, quoted
from .default_fault import is_default_word
from .fault import Explanation, Fault, FaultKind


def explain(evidence: CategoryEvidence) -> Iterator[Explanation]:
    """The category that has grown by the rows of all the lost ones."""
    lost = evidence.lost
    wanted = sum(map(evidence.expected, lost))
    targets = [name for name in evidence.now if evidence.gained(name) > 0]
    for target in targets if lost else ():
        is_new = target not in evidence.before
        if is_new and (len(lost) == 1 or is_default_word(target)):
            continue
        if evidence.is_about(evidence.gained(target), wanted):
            fault = Fault.likely(FaultKind.MERGED, _words(lost, target))
            yield from evidence.explained(fault, _divided(evidence, target))


def _words(lost: list[str], target: str) -> str:
    named = ", ".join(map(quoted, lost[:3])) + (
        f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    )
    verb = "is" if len(lost) == 1 else "are"
    return f"categories that became one: {named} {verb} {quoted(target)} now"


def _divided(evidence: CategoryEvidence, target: str) -> dict[str, int]:
    """The window's rows, with those that a category gained given back to the lost ones."""
    counts = dict(evidence.now)
    for name in evidence.lost:
        rows = min(round(evidence.expected(name)), counts[target])
        counts[name] += rows
        counts[target] -= rows
    return counts
