"""Says which fault explains a drift."""

from collections.abc import Mapping
from typing import Any


def fault_in_words(record: Mapping[str, Any]) -> str:
    """The sentence about the fault that a record of a feature holds; empty without one."""
    fault = record.get("fault")
    return f"The change {fault['text']}." if fault else ""
