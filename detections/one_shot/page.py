"""Renders a comparison as a page that needs nothing else: the table, and a picture of each feature."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from algorithms.verdicts import Verdict
from detections.one_shot.compare import Comparison, FeatureRow
from detections.one_shot.feature_cells import (
    cells_of,
    fault_of,
    plain,
    skipped_of,
    sum_of,
    why_of,
)
from detections.one_shot.slice_lines import SLICE_HEADINGS, slice_lines
from detections.profiles.feature_charts import Picture, distribution_chart
from detections.profiles.feature_figures import then_and_now
from drift_detector.charts.style import charts_style
from drift_detector.charts.svg import Markup

MOST_PICTURES = 100
"""Features with a picture, the drifted ones first: a picture is some 10 kB."""


NUMBERS = ("effect", "tolerance", "statistic", "p adj.", "n ref.", "n cur.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A feature with its picture.

    Attributes:
        chart: Both distributions; empty if one of them holds nothing.
        figures: Names of values, each with the reference's and the current one.
    """

    name: str
    verdict: str
    is_drifted: bool
    why: str
    reason: str
    chart: Markup
    figures: list[tuple[str, str, str]]


def as_html(comparison: Comparison) -> str:
    """The page; it asks for nothing, and is as light or dark as the reader's browser says."""
    drawn = [
        _draw(comparison, row, comparison.pictures[row.detail.feature])
        for row in comparison.features
        if row.detail.feature in comparison.pictures
    ]
    context = {
        "comparison": comparison,
        "headings": NUMBERS,
        "rows": [_row(comparison, row) for row in comparison.features],
        "slice_headings": SLICE_HEADINGS,
        "slices": slice_lines(comparison),
        "drawn": drawn[:MOST_PICTURES],
        "not_drawn": len(drawn[MOST_PICTURES:]),
        "skipped": skipped_of(comparison),
        "sum": sum_of(comparison),
        "style": charts_style(),
    }
    return render_to_string("detections/check_drift.html", context)


def _row(comparison: Comparison, row: FeatureRow) -> dict[str, object]:
    detail = row.detail
    feature, kind, words, method, statistic, p_adjusted, effect, tolerance = cells_of(row)
    counts = [f"{each:,}" for each in (detail.n_reference, detail.n_current)]
    return {
        "feature": feature,
        "verdict": detail.verdict.value,
        "words": words,
        "why": why_of(comparison, row),
        "reason": plain(" ".join(filter(None, [detail.reason, fault_of(row)]))),
        "kind": kind,
        "method": method,
        "figures": [effect, tolerance, statistic, p_adjusted, *counts],
    }


def _draw(comparison: Comparison, row: FeatureRow, picture: Picture) -> _Drawn:
    verdict = row.detail.verdict
    return _Drawn(
        name=plain(row.detail.feature),
        verdict=verdict.value,
        is_drifted=verdict is Verdict.DRIFT,
        why=why_of(comparison, row),
        reason=plain(row.detail.reason or picture["reason"]),
        chart=distribution_chart(picture),
        figures=then_and_now(picture),
    )
