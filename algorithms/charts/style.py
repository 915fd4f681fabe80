"""The style of charts, for documents that stand alone."""

import re
from functools import cache
from importlib.resources import files

from .svg import Markup

DARK = re.compile(r"^\.dark \{(.*?)^\}", re.MULTILINE | re.DOTALL)


@cache
def charts_style(scope: str) -> Markup:
    """The rules of `charts.css`; the dark colours are for readers whose browser asks for them.

    Args:
        scope: A selector outside of which the rules change nothing.
    """
    rules = files(__package__).joinpath("css/charts.css").read_text()
    adapted = DARK.sub(r"@media (prefers-color-scheme: dark) { :root {\1} }", rules)
    return Markup(f"{scope} {{\n{adapted.replace(':root', '&')}}}\n")
