"""Path patterns: `*`, `?` and `[..]` within a segment, `**` for any number of segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

ANY_DEPTH = "**"


def has_magic(segment: str) -> bool:
    """True if a path segment is a pattern and not a name; `[*]` stands for a literal star."""
    return any(char in segment for char in "*?[")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A pattern matched one segment at a time, so that none takes more than linear time."""

    segments: tuple[str, ...]

    def matches(self, parts: Sequence[str]) -> bool:
        """True if the whole path matches."""
        return len(self.segments) in self.positions(parts)

    def may_match_below(self, parts: Sequence[str]) -> bool:
        """True if a path below this folder can match, so that the folder is worth a listing."""
        return any(position < len(self.segments) for position in self.positions(parts))

    def positions(self, parts: Sequence[str]) -> set[int]:
        """The numbers of segments that a path can have matched."""
        positions = self._with_skips({0})
        for part in parts:
            positions = self._with_skips(self._advance(positions, part))
        return positions

    def _advance(self, positions: Iterable[int], part: str) -> set[int]:
        after = set()
        for position in positions:
            if position < len(self.segments):
                after |= self._step(position, part)
        return after

    def _step(self, position: int, part: str) -> set[int]:
        """The position after one more part of a path; none if the part does not match."""
        segment = self.segments[position]
        if segment == ANY_DEPTH:
            return {position}
        # A name that is there with its brackets and stars is meant as it is written.
        return {position + 1} if part == segment or fnmatchcase(part, segment) else set()

    def _with_skips(self, positions: set[int]) -> set[int]:
        for position in sorted(positions):
            following = position
            while following < len(self.segments) and self.segments[following] == ANY_DEPTH:
                following += 1
                positions.add(following)
        return positions
