"""Chooses the columns of a reference that are compared, and the kind of each."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ..columns import FeatureKind, guess_kind
from ..methods import METHODS
from ..plan import EvaluationPlan

LONGEST_NAME = 200


class BadChoice(ValueError):
    """The columns, kinds or methods asked for do not fit the data.

    Attributes:
        field: What was asked for: `feature_columns`, `feature_kinds`, `methods` or `sensitive`.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldColumns:
    """The columns of a reference.

    Attributes:
        types: Name to type.
        unusable: Columns that cannot be read, each with the reason; not in `types`.
        beside: Columns that are features only if they are asked for, such as parts of a path.
        index: Row numbers and labels that a data frame wrote, features only if their kind is named.
    """

    types: Mapping[str, pa.DataType]
    unusable: Mapping[str, str] = field(default_factory=dict)
    beside: Collection[str] = ()
    index: Collection[str] = ()


def choose_kinds(
    held: HeldColumns,
    wanted: Sequence[str],
    overrides: Mapping[str, str],
    *,
    kinds_argument: str = "feature_kinds",
) -> dict[str, FeatureKind]:
    """The features and their kinds: the columns asked for, or else all of a known kind but times.

    Args:
        held: The columns of the reference.
        wanted: The columns asked for.
        overrides: Kinds that take the place of those the types suggest.
        kinds_argument: What the caller calls these.

    Raises:
        BadChoice: If a column is not there or its type can't be compared, or if none is left.
    """
    asked = wanted or held.unusable
    if unusable := [held.unusable[name] for name in asked if name in held.unusable]:
        raise BadChoice("feature_columns", " ".join(unusable))
    names = list(wanted) or _watchable(held, overrides)
    _check_names(names, held.types)
    if strangers := sorted(set(overrides) - set(names)):
        reason = f"{kinds_argument} must name features, not {', '.join(strangers)}."
        raise BadChoice("feature_kinds", reason)
    kinds = {name: _kind(name, held.types[name], overrides.get(name)) for name in names}
    known = {name: kind for name, kind in kinds.items() if kind is not None}
    if wanted and len(known) < len(kinds):
        unknown = [f"{name} ({held.types[name]})" for name in kinds if name not in known]
        raise BadChoice("feature_columns", f"These types can't be compared: {', '.join(unknown)}.")
    if not known:
        raise BadChoice("feature_columns", "The reference has no column that can be compared.")
    return known


def _watchable(held: HeldColumns, named: Collection[str]) -> list[str]:
    """The columns that are watched when none is asked for; an index only if its kind is named."""
    left_out = {*held.beside, *(set(held.index) - set(named))}
    usable = [name for name in held.types if name not in left_out and is_usable(name)]
    return [name for name in usable if not is_moment(held.types[name])]


def is_usable(name: str) -> bool:
    """True if a column of this name can be a feature."""
    return len(name) <= LONGEST_NAME and "\0" not in name


def _check_names(names: Collection[str], columns: Collection[str]) -> None:
    if missing := sorted(set(names) - set(columns)):
        reason = f"The reference has no column {', '.join(missing)}."
        raise BadChoice("feature_columns", reason)
    if unusable := [name for name in names if not is_usable(name)]:
        reason = f"Names must have at most {LONGEST_NAME} characters: {unusable[0]!r}."
        raise BadChoice("feature_columns", reason)


def _kind(name: str, data_type: pa.DataType, wanted: str | None) -> FeatureKind | None:
    guessed = guess_kind(data_type)
    if wanted is None or guessed is None:
        return guessed
    if not is_readable(data_type, FeatureKind(wanted)):
        reason = f"{name} must have a type that can be read as {wanted}, not {data_type}."
        raise BadChoice("feature_kinds", reason)
    return FeatureKind(wanted)


def is_readable(data_type: pa.DataType, kind: FeatureKind) -> bool:
    """True if a column of this type can be read as this kind: numbers and dates as both, text as categories only."""
    guessed = guess_kind(data_type)
    return guessed is not None and (kind is FeatureKind.CATEGORICAL or not _is_text(data_type))


def _is_text(data_type: pa.DataType) -> bool:
    return guess_kind(data_type) is FeatureKind.CATEGORICAL and not pa.types.is_boolean(data_type)


def is_moment(data_type: pa.DataType) -> bool:
    """True for times and dates."""
    return bool(pa.types.is_timestamp(data_type) or pa.types.is_date(data_type))


def comparable(kinds: Mapping[str, FeatureKind], plan: EvaluationPlan) -> dict[str, FeatureKind]:
    """The features that one of the plan's methods compares.

    Raises:
        BadChoice: If there is none.
    """
    compared = {kind for kind in FeatureKind if _compares(plan, kind)}
    chosen = {name: kind for name, kind in kinds.items() if kind in compared}
    if not chosen:
        reason = "methods must include one that compares these kinds of features."
        raise BadChoice("methods", reason)
    return chosen


def _compares(plan: EvaluationPlan, kind: FeatureKind) -> bool:
    return any(METHODS[method].compares([kind]) for method in plan.methods)


def find_columns(lists: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """The columns that lists with commas name, each once: the longest name that is there goes first.

    Args:
        lists: Each is one name, or several with commas between them.
        known: The columns of the data.
    """
    found = (name for text in lists for name in _divided(text.split(","), known))
    return tuple(dict.fromkeys(found))


def _divided(pieces: list[str], known: Collection[str]) -> Iterator[str]:
    """The names that pieces of a list make: of several pieces if a column has that name."""
    while pieces:
        count = next((n for n in range(len(pieces), 0, -1) if _joined(pieces[:n]) in known), 0)
        name = _joined(pieces[:count]) if count else pieces[0].strip()
        if name or count:
            yield name
        pieces = pieces[count or 1 :]


def _joined(pieces: list[str]) -> str:
    return ",".join(pieces)
