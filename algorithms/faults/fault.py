"""Defines what is said of a fault: its kind, how sure it is, and a text for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds of faults that have a name."""

    SCALE = "scale"
    OFFSET = "offset"
    SIGN = "sign"
    LOG = "log"
    CLIP = "clip"
    FILL = "fill"
    ROUNDING = "rounding"
    SWAP = "swap"
    STALE = "stale"
    SPELLING = "spelling"
    RENAMED = "renamed"
    MERGED = "merged"
    DEFAULT = "default"


class Certainty(StrEnum):
    """The certainty of a named fault."""

    LIKELY = "likely"
    """Data hardly look like this without the fault."""
    POSSIBLE = "possible"
    """The fault explains the drift, but data may look like this without it, too."""


BEGINNINGS: Mapping[Certainty, str] = {
    Certainty.LIKELY: "looks like",
    Certainty.POSSIBLE: "may be",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The fault that explains the drift of a feature.

    Attributes:
        text: What the drift looks like, to be read after the feature's name: "looks like × 100 (…)".
    """

    kind: FaultKind
    certainty: Certainty
    text: str

    @classmethod
    def likely(cls, kind: FaultKind, words: str) -> "Fault":
        """A fault that is likely."""
        return cls._said(kind, Certainty.LIKELY, words)

    @classmethod
    def possible(cls, kind: FaultKind, words: str) -> "Fault":
        """A fault that is possible."""
        return cls._said(kind, Certainty.POSSIBLE, words)

    @classmethod
    def _said(cls, kind: FaultKind, certainty: Certainty, words: str) -> "Fault":
        return cls(kind=kind, certainty=certainty, text=f"{BEGINNINGS[certainty]} {words}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A fault, and the gap that it leaves between the reference and the window; less is better."""

    fault: Fault
    gap: float
