"""Words for numbers and shares, the same in pages, documents and notifications."""

import math

NOTHING = "–"
NOT_FINITE = {math.inf: "∞", -math.inf: "−∞"}


def number(value: float | None, digits: int = 3) -> str:
    """A number with its significant digits, and commas from 10,000 on."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}" if abs(value) >= 10_000 else f"{int(value)}"
    if not math.isfinite(value):
        return NOT_FINITE.get(value, "not a number")
    rounded = float(f"{value:.{digits}g}")
    if 10**digits <= abs(rounded) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def share(value: float | None) -> str:
    """A share as a percentage; small ones keep a digit, and what is not zero is never `0 %`."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return number(value)
    percent = value * 100 + 0.0
    if percent and abs(percent) < 0.01:
        return "< 0.01 %"
    return f"{percent:.0f} %" if percent == round(percent) else f"{percent:.3g} %"
