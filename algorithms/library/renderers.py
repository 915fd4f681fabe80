"""Renders a comparison as text for a terminal, as JSON and as a page."""

import json
from collections.abc import Callable, Mapping

from .comparison_page import as_html
from .table_comparison import Comparison
from .text_table import as_table


def as_json(comparison: Comparison) -> str:
    """One strict JSON document."""
    return json.dumps(comparison.to_dict(), allow_nan=False, indent=2)


RENDERERS: Mapping[str, Callable[[Comparison], str]] = {
    "table": as_table,
    "json": as_json,
    "html": as_html,
}
