"""Renders a comparison as text for a terminal, as JSON and as a page."""

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string

from algorithms.method_results import FeatureDetail
from algorithms.verdicts import Signal, Verdict
from detections.evaluation.window_counts import list_files
from detections.one_shot.compare import Comparison, FeatureRow

WIDTH = 120
GAP = "  "
HEADINGS = (
    *("feature", "kind", "verdict", "method"),
    *("statistic", "p adj.", "effect", "tolerance", "n ref.", "n cur."),
)
WORDS = 4
"""Columns that are read from the left; numbers end on the right."""
MILLIONS = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


def as_table(comparison: Comparison) -> str:
    """Aligned lines of at most 120 characters, the reasons beneath their features, and a sum at the end."""
    cells = [_cells(row) for row in comparison.features]
    widths = _widths([HEADINGS, *cells])
    lines = [_line(HEADINGS, widths)]
    for row, texts in zip(comparison.features, cells, strict=True):
        lines += [_line(texts, widths), *_wrapped(row.detail.reason)]
    for heading, files in _skipped(comparison).items():
        lines += textwrap.wrap(f"{heading}: {files}", WIDTH, subsequent_indent="    ")
    return "\n".join([*lines, *_other_columns(comparison), _sum(comparison)])


def _skipped(comparison: Comparison) -> dict[str, str]:
    """The files that were skipped on each side that has some."""
    sides = {
        "Skipped in the reference": comparison.reference_skipped,
        "Skipped in the current data": comparison.current_skipped,
    }
    return {heading: _plain(list_files(files)) for heading, files in sides.items() if files}


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column; the first one gives way to the others."""
    first, *others = map(_width, zip(*lines, strict=True))
    gaps = len(GAP) * len(others)
    return [min(first, WIDTH - sum(others) - gaps), *others]


def _other_columns(comparison: Comparison) -> list[str]:
    """A line for the columns that were not compared, and one for those that are new."""
    columns = {"Not compared": comparison.left_out, "New columns": comparison.new_columns}
    return [_listed(what, names) for what, names in columns.items() if names]


def _listed(what: str, names: Sequence[str]) -> str:
    return textwrap.shorten(f"{what}: {_plain(', '.join(names))}", WIDTH)


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def as_json(comparison: Comparison) -> str:
    """One strict JSON document."""
    return json.dumps(comparison.as_json(), allow_nan=False, indent=2)


def as_html(comparison: Comparison) -> str:
    """A page that needs nothing else."""
    context = {
        "comparison": comparison,
        "headings": HEADINGS,
        "words": WORDS,
        "rows": [_row(row) for row in comparison.features],
        "skipped": _skipped(comparison),
        "sum": _sum(comparison),
    }
    return render_to_string("detections/check_drift.html", context)


def _row(row: FeatureRow) -> dict[str, Any]:
    verdict, reason = row.detail.verdict.value, _plain(row.detail.reason)
    return {"verdict": verdict, "reason": reason, "cells": _cells(row)}


RENDERERS: Mapping[str, Callable[[Comparison], str]] = {
    "table": as_table,
    "json": as_json,
    "html": as_html,
}


def _sum(comparison: Comparison) -> str:
    return (
        f"Verdict: {comparison.verdict}. {comparison.drifted} of {len(comparison.features)} features drifted; "
        f"{comparison.reference_rows:,} rows in the reference, {comparison.current_rows:,} in the current window."
    )


def _cells(row: FeatureRow) -> tuple[str, ...]:
    detail = row.detail
    figures = (detail.statistic, detail.p_adjusted, detail.effect_size, detail.tolerance)
    return (
        _plain(detail.feature),
        str(detail.kind or ""),
        _verdict(detail),
        str(row.method),
        *map(_figure, figures),
        _count(detail.n_reference),
        _count(detail.n_current),
    )


def _figure(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


def _verdict(detail: FeatureDetail) -> str:
    is_warned = detail.verdict is Verdict.OK and detail.signal is Signal.WARNING
    return f"{detail.verdict}, warning" if is_warned else str(detail.verdict)


def _count(rows: int) -> str:
    """At most seven characters."""
    for unit, letter in MILLIONS:
        if rows >= unit:
            return f"{rows / unit:.4g}{letter}"
    return str(rows)


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    columns = enumerate(zip(texts, widths, strict=True))
    padded = [_padded(column, text, width) for column, (text, width) in columns]
    return GAP.join(padded).rstrip()


def _padded(column: int, text: str, width: int) -> str:
    return _cut(text, width).ljust(width) if column < WORDS else text.rjust(width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(_plain(reason), WIDTH, initial_indent="    ", subsequent_indent="    ")


def _plain(text: str) -> str:
    """The text without what a terminal would obey rather than show: a column may be named anything."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
