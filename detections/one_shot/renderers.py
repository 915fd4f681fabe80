"""Renders a comparison as text for a terminal, as JSON and as a page."""

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence

from django.template.loader import render_to_string

from algorithms.method_results import FeatureDetail
from algorithms.verdicts import Signal, Verdict
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
    cells = [HEADINGS, *(_cells(row) for row in comparison.features)]
    widths = [_width(column) for column in zip(*cells, strict=True)]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - len(GAP) * (len(widths) - 1))
    lines = [_line(HEADINGS, widths)]
    for row, texts in zip(comparison.features, cells[1:], strict=True):
        lines += [_line(texts, widths), *_wrapped(row.detail.reason)]
    if comparison.left_out:
        lines.append(
            textwrap.shorten(f"Not compared: {_plain(', '.join(comparison.left_out))}", WIDTH)
        )
    return "\n".join([*lines, _sum(comparison)])


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def as_json(comparison: Comparison) -> str:
    """One strict JSON document."""
    return json.dumps(comparison.as_json(), allow_nan=False, indent=2)


def as_html(comparison: Comparison) -> str:
    """A page that needs nothing else."""
    rows = [
        {
            "verdict": row.detail.verdict.value,
            "reason": _plain(row.detail.reason),
            "cells": _cells(row),
        }
        for row in comparison.features
    ]
    context = {
        "comparison": comparison,
        "headings": HEADINGS,
        "words": WORDS,
        "rows": rows,
        "sum": _sum(comparison),
    }
    return render_to_string("detections/check_drift.html", context)


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
        *("-" if figure is None else f"{figure:.3g}" for figure in figures),
        _count(detail.n_reference),
        _count(detail.n_current),
    )


def _verdict(detail: FeatureDetail) -> str:
    is_warned = detail.verdict is Verdict.OK and detail.signal is Signal.WARNING
    return f"{detail.verdict}, warning" if is_warned else str(detail.verdict)


def _count(rows: int) -> str:
    """At most seven characters."""
    return next(
        (f"{rows / unit:.4g}{letter}" for unit, letter in MILLIONS if rows >= unit), str(rows)
    )


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    padded = [
        _cut(text, width).ljust(width) if column < WORDS else text.rjust(width)
        for column, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return GAP.join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(_plain(reason), WIDTH, initial_indent="    ", subsequent_indent="    ")


def _plain(text: str) -> str:
    """The text without what a terminal would obey rather than show: a column may be named anything."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
