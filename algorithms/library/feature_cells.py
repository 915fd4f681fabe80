"""The words and figures of a compared feature, as a terminal and a page show them."""

from ..charts.feature_figures import changes
from ..method_results import FeatureDetail
from ..verdicts import Signal, Verdict
from .skipped_files import list_files
from .table_comparison import Comparison, FeatureRow

HEADINGS = (
    *("feature", "kind", "verdict", "method"),
    *("statistic", "p adj.", "effect", "tolerance"),
)
WORDS = 4
"""Columns that are read from the left; numbers end on the right."""


def cells_of(row: FeatureRow) -> tuple[str, ...]:
    """A text for each of `HEADINGS`."""
    detail = row.detail
    figures = (detail.statistic, detail.p_adjusted, detail.effect_size, detail.tolerance)
    return (
        plain(detail.feature),
        str(detail.kind or ""),
        verdict_of(detail),
        str(row.method),
        *map(_figure, figures),
    )


def verdict_of(detail: FeatureDetail) -> str:
    """A feature's verdict, with its warning."""
    is_warned = detail.verdict is Verdict.OK and detail.signal is Signal.WARNING
    return f"{detail.verdict}, warning" if is_warned else str(detail.verdict)


def _figure(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


def why_of(comparison: Comparison, row: FeatureRow) -> str:
    """The changes of a feature in a few words; empty if it has none of these."""
    picture = comparison.pictures.get(row.detail.feature)
    if picture is None:
        return ""
    is_drifted = row.detail.verdict is Verdict.DRIFT
    return plain("; ".join(changes(picture, is_drifted=is_drifted)))


def fault_of(row: FeatureRow) -> str:
    """The sentence about the fault of a feature; empty if none was found."""
    return f"The change {row.detail.fault.text}." if row.detail.fault else ""


def sum_of(comparison: Comparison) -> str:
    """The verdict and the counts, in two sentences."""
    drifted = len(comparison.drifted_features)
    sliced = [verdict for verdict, _ in comparison.slices.values()]
    slices = f", {sliced.count(Verdict.DRIFT)} of {len(sliced)} slices" if sliced else ""
    return (
        f"Verdict: {comparison.verdict}. {drifted} of {len(comparison.features)} features{slices} drifted; "
        f"{comparison.reference.rows:,} rows in the reference, {comparison.current.rows:,} in the current window."
    )


def skipped_of(comparison: Comparison) -> dict[str, str]:
    """The files that were skipped on each side that has some."""
    sides = {
        "Skipped in the reference": comparison.reference.skipped,
        "Skipped in the current data": comparison.current.skipped,
    }
    return {heading: plain(list_files(files)) for heading, files in sides.items() if files}


def plain(text: str) -> str:
    """The text without what a terminal would obey rather than show: a column may be named anything."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
