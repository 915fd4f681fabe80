"""Places of values on an axis, the ticks of the axis, and short numbers beside them."""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LARGEST = sys.float_info.max / 4
"""A scale with a value beyond it has its ends here, as its spread must be finite."""
NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map of values to places.

    Attributes:
        low: The value at `start`.
        high: The value at `end`; greater than `low`.
        start: A place.
        end: Another.
    """

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The place of a value; values beyond the ends lie at the ends."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int = 4) -> list[float]:
        """Round values between the ends."""
        rough = (self.high - self.low) / max(about, 1)
        if not sys.float_info.min <= rough < math.inf:
            return []
        step = nice_step(rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [each * step for each in range(first, last + 1)]


def nice_step(rough: float) -> float:
    """The least of 1, 2, 2.5, 5 and 10 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(each for each in NICE_STEPS if each * power >= rough * (1 - 1e-9))


def scale_of(
    values: Iterable[float | None], start: float, end: float, *, margin: float = 0.05
) -> Scale:
    """A scale over all finite values, with a margin as a part of their spread."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if max(abs(low), abs(high)) > LARGEST:
        return Scale(-LARGEST, LARGEST, start, end)
    spread = high - low
    if not spread > abs(low) * 1e-9 or not math.isfinite(spread):
        spread = max(abs(low), 1.0)
        low, high = low - spread / 2, low + spread / 2
    return Scale(low - margin * spread, high + margin * spread, start, end)


def short(value: float | None) -> str:
    """A number in as few letters as an axis needs: `1.3M`, `0.05`, `−2`."""
    if value is None:
        return "–"
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < size * 1e4:
            divisor = 1e3 if letter == "k" else size
            return _plain(value / divisor) + letter
    return _plain(value)


def _plain(value: float) -> str:
    if 1e3 <= abs(float(f"{value:.3g}")) < 1e4:
        return f"{value:.0f}".replace("-", "−")
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def spread_out(places: Sequence[float], *, least: float) -> list[int]:
    """The indices of places that lie at least so far apart, the first one included."""
    chosen: list[int] = []
    for index, place in enumerate(places):
        if not chosen or abs(place - places[chosen[-1]]) >= least:
            chosen.append(index)
    return chosen
