"""The lines of a comparison's slices, as a terminal and a page show them."""

from ..method_results import FeatureDetail
from ..verdicts import Verdict
from .feature_cells import plain, verdict_of
from .table_comparison import Comparison

MOST_SHOWN = 3
SLICE_HEADINGS = ("slice", "verdict", "rows", "finding")


def slice_lines(comparison: Comparison) -> list[tuple[str, ...]]:
    """A text for each of `SLICE_HEADINGS`, slice by slice."""
    return [_line(name, *found) for name, found in comparison.slices.items()]


def _line(name: str, verdict: Verdict, details: tuple[FeatureDetail, ...]) -> tuple[str, ...]:
    rows = max(each.n_current for each in details)
    shown = [each for each in details if each.verdict is verdict] or details
    finding = "; ".join(dict.fromkeys(_finding(each) for each in shown[:MOST_SHOWN]))
    return plain(name), verdict.value, f"{rows:,}", plain(finding)


def _finding(detail: FeatureDetail) -> str:
    if detail.effect_size is None or detail.tolerance is None:
        return detail.reason or f"{detail.feature}: {verdict_of(detail)}"
    return f"{detail.feature} {detail.effect_size:.3g}, tolerance {detail.tolerance:.3g}"
