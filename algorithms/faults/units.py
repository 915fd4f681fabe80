"""Lists factors between units that are often confused."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache


class Rank(IntEnum):
    """The order in which units are confused: of factors that fit alike, the more common one is named."""

    LARGE_POWER = 0
    TEN = 1
    COMMON = 2
    RARE = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """A factor between two units.

    Attributes:
        factor: Above 0.
        words: What becomes what.
        rank: How common it is.
    """

    factor: float
    words: str
    rank: Rank


TEN = (
    (10.0, "a decimal point that moved"),
    (0.1, "a decimal point that moved"),
)
LARGE_POWERS = (
    (100.0, "a share to percent, or units to cents"),
    (0.01, "percent to a share, or cents to units"),
    (1e3, "thousands to units, as kilograms to grams"),
    (1e-3, "units to thousands, as grams to kilograms"),
    (1e6, "millions to units"),
    (1e-6, "units to millions"),
    (1e9, "billions to units, as seconds to nanoseconds"),
    (1e-9, "units to billions, as nanoseconds to seconds"),
)
# Exact by definition (NIST Special Publication 811, appendix B), but where four digits are given.
COMMON = (
    (1.609344, "miles", "kilometres"),
    (3.280839895, "metres", "feet"),
    (2.54, "inches", "centimetres"),
    (2.204622622, "kilograms", "pounds"),
    (3.785411784, "gallons", "litres"),
    (3.6, "metres per second", "kilometres per hour"),
    (60.0, "minutes to seconds, or hours", "minutes"),
    (3_600.0, "hours", "seconds"),
    (24.0, "days", "hours"),
    (86_400.0, "days", "seconds"),
    (57.29577951, "radians", "degrees"),
)
RARE = (
    (1.852, "nautical miles", "kilometres"),
    (1.943844492, "metres per second", "knots"),
    (2.236936292, "metres per second", "miles per hour"),
    (1.8, "degrees Celsius", "degrees Fahrenheit, without the 32"),
    (4.184, "kilocalories", "kilojoules"),
    (6.894757293, "pounds per square inch", "kilopascals"),
    (28.349523125, "ounces", "grams"),
    (25.4, "inches", "millimetres"),
    (8.0, "bytes", "bits"),
    (12.0, "years to months, or feet", "inches"),
    (1_024.0, "kibibytes", "bytes"),
    (1_048_576.0, "mebibytes", "bytes"),
)


@cache
def known_units() -> tuple[Unit, ...]:
    """All units, in both directions."""
    powers = [Unit(*power, Rank.LARGE_POWER) for power in LARGE_POWERS]
    powers += [Unit(*power, Rank.TEN) for power in TEN]
    pairs = [(each, Rank.COMMON) for each in COMMON] + [(each, Rank.RARE) for each in RARE]
    there = [Unit(factor, f"{a} to {b}", rank) for (factor, a, b), rank in pairs]
    back = [Unit(1 / factor, _reversed(a, b), rank) for (factor, a, b), rank in pairs]
    return (*powers, *there, *back)


def _reversed(source: str, target: str) -> str:
    """The words of the way back; "minutes to seconds, or hours" and "minutes" hold two pairs."""
    *firsts, last = f"{source} to {target}".split(", or ")
    turned = (" to ".join(reversed(each.split(" to "))) for each in (*firsts, last))
    return ", or ".join(turned)
