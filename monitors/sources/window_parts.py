"""Divide a window by file and row group, in the same way on every worker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or one row group of it.

    Attributes:
        file: Its name below the URI.
        size: Its size in bytes; another size shows that the file has changed.
        row_group: None for all of the file.
    """

    file: str
    size: int
    row_group: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Pieces of a window that follow one another."""

    pieces: tuple[Piece, ...]

    def row_groups_by_file(self) -> dict[str, list[int]]:
        """Each file with its row groups; none stand for all of the file."""
        found: dict[str, list[int]] = {}
        for piece in self.pieces:
            groups = found.setdefault(piece.file, [])
            if piece.row_group is not None:
                groups.append(piece.row_group)
        return found

    def as_json(self) -> list[list[Any]]:
        """The part as JSON values."""
        return [[piece.file, piece.size, piece.row_group] for piece in self.pieces]

    @classmethod
    def from_json(cls, values: list[list[Any]]) -> Self:
        """The part that `as_json` wrote."""
        return cls(tuple(Piece(*piece) for piece in values))


def group_pieces(pieces: Iterable[tuple[Piece, int]], target_bytes: int) -> Iterator[Part]:
    """Parts of about `target_bytes`, from pieces with their bytes; a piece is never split."""
    held: list[Piece] = []
    size = 0
    for piece, piece_bytes in pieces:
        if held and size + piece_bytes > target_bytes:
            yield Part(tuple(held))
            held, size = [], 0
        held.append(piece)
        size += piece_bytes
    if held:
        yield Part(tuple(held))
