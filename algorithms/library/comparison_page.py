"""Renders a comparison as a page that needs nothing else: the table, and a picture of each feature."""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from ..charts.feature_charts import distribution_chart
from ..charts.feature_figures import then_and_now
from ..charts.style import charts_style
from ..charts.svg import NO_TEXT, Markup, html, joined
from ..picture_format import Shown
from ..verdicts import Verdict
from .feature_cells import cells_of, fault_of, plain, skipped_of, sum_of, why_of
from .slice_lines import SLICE_HEADINGS, slice_lines
from .table_comparison import Comparison, FeatureRow, Side

MOST_PICTURES = 100
"""Features with a picture, the drifted ones first: a picture is some 10 kB."""
MOST_IN_NOTEBOOKS = 20
"""The same in a notebook, which keeps what it shows."""
NUMBERS = ("effect", "tolerance", "statistic", "p adj.", "n ref.", "n cur.")
ALWAYS = 2
"""Columns of numbers that a narrow screen shows too."""
LEGEND = ("reference", "current")


def as_html(comparison: Comparison) -> str:
    """The page; it asks for nothing, and is as light or dark as the reader's browser says.

    Its text is ASCII, with references to all other characters: any encoding writes it as the page says.
    """
    head = joined(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            html("title", f"Drift check: {comparison.verdict}"),
        ]
    )
    body = html("body", as_fragment(comparison, MOST_PICTURES))
    page = html("html", html("head", head), body, lang="en")
    return f"<!doctype html>\n{page}\n".encode("ascii", "xmlcharrefreplace").decode()


def as_fragment(comparison: Comparison, most_pictures: int = MOST_IN_NOTEBOOKS) -> Markup:
    """The comparison as one element with its own style, for a page that holds more than this."""
    parts = [
        html("style", _style()),
        html("h1", f"Drift check: {comparison.verdict}"),
        html("p", sum_of(comparison)),
        _facts(comparison),
        _features(comparison),
        _slices(comparison),
        _pictures(comparison, most_pictures),
    ]
    return html("div", *parts, class_="drift-check")


@cache
def _style() -> Markup:
    own = files(__package__).joinpath("css/comparison.css").read_text()
    return Markup(own + charts_style(".drift-check"))


def _facts(comparison: Comparison) -> Markup:
    """The list of both places, the columns that were not compared, and the new ones."""
    lists = {"Not compared": comparison.left_out, "New columns": comparison.new_columns}
    named = {heading: plain(", ".join(names)) for heading, names in lists.items() if names}
    facts = [
        *_fact("Reference", _place(comparison.reference)),
        *_fact("Current", _place(comparison.current)),
    ]
    for heading, text in (named | skipped_of(comparison)).items():
        facts += _fact(heading, text)
    return html("dl", *facts)


def _fact(heading: str, text: str | Markup) -> tuple[Markup, Markup]:
    return html("dt", heading), html("dd", text)


def _place(side: Side) -> Markup:
    return html("code", plain(side.uri))


def _features(comparison: Comparison) -> Markup:
    headings = [
        *(html("th", each, scope="col") for each in ("feature", "verdict", "why")),
        html("th", "kind", scope="col", class_="wide"),
        html("th", "method", scope="col"),
        *(html("th", text, scope="col", class_=kind) for text, kind in _as_numbers(NUMBERS)),
    ]
    rows = [_row(comparison, row) for row in comparison.features]
    return joined([html("h2", "Features"), _table("Features", headings, rows)])


def _table(label: str, headings: Iterable[Markup], rows: Iterable[Markup]) -> Markup:
    """A table that scrolls by itself where it is wider than the page."""
    table = html("table", html("thead", html("tr", *headings)), html("tbody", *rows))
    return html("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _as_numbers(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Each text of a column of numbers with its class."""
    wide = ["number" if place < ALWAYS else "number wide" for place in range(len(texts))]
    return list(zip(texts, wide, strict=True))


def _row(comparison: Comparison, row: FeatureRow) -> Markup:
    detail = row.detail
    feature, kind, words, method, statistic, p_adjusted, effect, tolerance = cells_of(row)
    counts = [f"{each:,}" for each in (detail.n_reference, detail.n_current)]
    figures = [effect, tolerance, statistic, p_adjusted, *counts]
    cells = [
        html("th", feature, scope="row"),
        html("td", words),
        html("td", why_of(comparison, row), _reason(row), class_="why"),
        html("td", kind, class_="wide"),
        html("td", method),
        *(html("td", text, class_=kind) for text, kind in _as_numbers(figures)),
    ]
    return html("tr", *cells, data_verdict=detail.verdict.value)


def _reason(row: FeatureRow) -> Markup:
    """The reason and the fault of a feature beneath its changes; nothing if it has neither."""
    reason = plain(" ".join(filter(None, [row.detail.reason, fault_of(row)])))
    return html("p", reason, class_="reason") if reason else NO_TEXT


def _slices(comparison: Comparison) -> Markup:
    lines = slice_lines(comparison)
    if not lines:
        return NO_TEXT
    headings = [html("th", each, scope="col") for each in SLICE_HEADINGS]
    table = _table("Slices", headings, [_slice(*line) for line in lines])
    return joined([html("h2", "Slices"), table])


def _slice(name: str, verdict: str, rows: str, finding: str) -> Markup:
    cells = [
        html("th", name, scope="row"),
        html("td", verdict),
        html("td", rows),
        html("td", finding, class_="why"),
    ]
    return html("tr", *cells, data_verdict=verdict)


def _pictures(comparison: Comparison, most: int) -> Markup:
    """The distributions of the features that were read, the drifted ones first."""
    pictured = [row for row in comparison.features if row.detail.feature in comparison.pictures]
    if not pictured:
        return NO_TEXT
    parts = [html("h2", "Distributions"), _legend()]
    parts += [_drawn(comparison, row) for row in pictured[:most]]
    if more := len(pictured[most:]):
        parts.append(html("p", f"Without a picture, as they come last: {more} more."))
    return joined(parts)


def _legend() -> Markup:
    keys = [html("span", html("i", class_=f"k-{name}"), name) for name in LEGEND]
    return html("div", *keys, class_="legend")


def _drawn(comparison: Comparison, row: FeatureRow) -> Markup:
    """A feature with its picture, which is open if it has drifted."""
    name, verdict = plain(row.detail.feature), row.detail.verdict
    picture, why = comparison.pictures[row.detail.feature], why_of(comparison, row)
    reason = plain(row.detail.reason or picture["reason"])
    summary = html("summary", html("b", name), f" {verdict}: {why}" if why else f" {verdict}")
    both = html("div", _plot(name, distribution_chart(picture)), _values(picture), class_="two")
    body = html("div", html("p", reason) if reason else None, both)
    is_open = "" if verdict is Verdict.DRIFT else None
    return html("details", summary, body, data_verdict=verdict.value, open=is_open)


def _plot(name: str, chart: Markup) -> Markup:
    if not chart:
        return html("p", "There is nothing to draw.")
    label = f"Distribution of {name}"
    return html("div", chart, class_="plot-box", tabindex="0", role="region", aria_label=label)


def _values(picture: Shown) -> Markup:
    """The values of the reference beside those of the current data."""
    numbers = [html("th", each, scope="col", class_="number") for each in LEGEND]
    head = html("thead", html("tr", html("th", "value", scope="col"), *numbers))
    rows = [_value(*each) for each in then_and_now(picture)]
    return html("table", head, html("tbody", *rows))


def _value(name: str, *figures: str) -> Markup:
    return html("tr", html("td", name), *(html("td", each, class_="number") for each in figures))
