"""Reads pages as people do."""

import html
import re
from typing import Any


def page_text(page: Any) -> str:
    """The words of a page, without its markup, scripts and styles."""
    markup = re.sub(r"<(script|style)\b.*?</\1>", " ", page.content.decode(), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup)))
