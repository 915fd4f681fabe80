"""Renders a comparison as text for a terminal."""

import textwrap
from collections.abc import Sequence

from .feature_cells import (
    HEADINGS,
    WORDS,
    cells_of,
    fault_of,
    plain,
    skipped_of,
    sum_of,
    why_of,
)
from .slice_lines import SLICE_HEADINGS, slice_lines
from .table_comparison import Comparison

WIDTH = 120
GAP = "  "
type Lines = Sequence[Sequence[str]]


def as_table(comparison: Comparison) -> str:
    """Aligned lines of at most 120 characters, the reasons beneath their features, and a sum at the end."""
    headings = (*HEADINGS, "why")
    cells = [(*cells_of(row), why_of(comparison, row)) for row in comparison.features]
    widths = _widths([headings, *cells])
    lines = [_line(headings, widths)]
    for row, texts in zip(comparison.features, cells, strict=True):
        lines += [_line(texts, widths), *_wrapped(row.detail.reason)]
        lines += _wrapped(fault_of(row))
    lines += _slice_table(comparison)
    for heading, files in skipped_of(comparison).items():
        lines += textwrap.wrap(f"{heading}: {files}", WIDTH, subsequent_indent="    ")
    return "\n".join([*lines, *_other_columns(comparison), sum_of(comparison)])


def _slice_table(comparison: Comparison) -> list[str]:
    """The slices beneath the features, with an empty line before them."""
    cells = slice_lines(comparison)
    if not cells:
        return []
    widths = [*map(_width, zip(SLICE_HEADINGS, *cells, strict=True))]
    padded = [
        GAP.join(_cut(text, WIDTH // 3).ljust(min(width, WIDTH // 3)) for text, width in pairs)
        for pairs in (zip(line[:-1], widths, strict=False) for line in (SLICE_HEADINGS, *cells))
    ]
    findings = [line[-1] for line in (SLICE_HEADINGS, *cells)]
    return ["", *(f"{start}{GAP}{end}" for start, end in zip(padded, findings, strict=True)), ""]


def _widths(lines: Lines) -> list[int]:
    """The width of each column; the first and the last share what the others leave."""
    first, *others, last = map(_width, zip(*lines, strict=True))
    room = WIDTH - sum(others) - len(GAP) * (len(others) + 1)
    name = min(first, max(room - last, room // 2))
    return [name, *others, min(last, room - name)]


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    columns = enumerate(zip(texts, widths, strict=True))
    padded = [_padded(column, text, width) for column, (text, width) in columns]
    return GAP.join(padded).rstrip()


def _padded(column: int, text: str, width: int) -> str:
    is_number = WORDS <= column < len(HEADINGS)
    return text.rjust(width) if is_number else _cut(text, width).ljust(width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(plain(reason), WIDTH, initial_indent="    ", subsequent_indent="    ")


def _other_columns(comparison: Comparison) -> list[str]:
    """A line for the columns that were not compared, and one for those that are new."""
    columns = {"Not compared": comparison.left_out, "New columns": comparison.new_columns}
    return [_listed(what, names) for what, names in columns.items() if names]


def _listed(what: str, names: Sequence[str]) -> str:
    return textwrap.shorten(f"{what}: {plain(', '.join(names))}", WIDTH)
