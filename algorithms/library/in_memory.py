"""Compares tables in memory, by a baseline that can be kept in a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from ..baseline import Baseline as FrozenBaseline
from ..columns import FeatureKind
from ..picture_format import show_drawing
from ..pictures import Drawing
from ..plan import EvaluationPlan, Policy
from ..reading_limits import MAX_BASELINE_BYTES, MAX_REFERENCE_ROWS
from ..slices.slice_conditions import BadCondition
from ..slices.slice_forms import check_form, check_not_sensitive, wheres_of
from .arguments import as_conditions, as_names, check_sensitive
from .comparison_plans import MIN_ROWS, plan_of
from .compile_notice import say_that_kernels_compile
from .feature_choice import HeldColumns, choose_kinds, comparable
from .index_columns import find_index_columns
from .judging import judge
from .table_comparison import Comparison, ReferenceColumns, Side, conclude
from .tables import TakenTable, to_arrow
from .whole_files import write_whole

REFERENCE, CURRENT = "reference", "current"


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A reference that was summarized once, and that later data are compared with.

    Attributes:
        frozen: The summary, in the form in which the service keeps it.
    """

    frozen: FrozenBaseline

    @classmethod
    def fit(
        cls,
        reference: Any,
        *,
        columns: Iterable[str] = (),
        categorical: Iterable[str] = (),
        numeric: Iterable[str] = (),
        slices: Mapping[str, str] | None = None,
    ) -> Self:
        """Summarize a reference.

        Args:
            reference: A table of pandas, polars, Arrow or another library that lends Arrow data.
            columns: The features; all columns of a known type when empty, without points in time.
            categorical: Features that are compared by name, whatever their type.
            numeric: Features that are compared by order.
            slices: Parts of the rows that are judged beside the whole: name to condition, such as
                `{"far": "distance > 1000"}`.

        Raises:
            TypeError: If it is no table, or an argument is of another type.
            ValueError: If the columns do not fit it, a condition is wrong, or it holds no row.
        """
        say_that_kernels_compile()
        asked, named = as_names(columns, "columns"), as_conditions(slices)
        overrides = _overrides(categorical, numeric)
        taken = to_arrow(reference, REFERENCE)
        if unusable := [taken.unusable[name] for name in asked if name in taken.unusable]:
            raise ValueError(" ".join(unusable))
        return cls(_fit(taken, _chosen(taken.table, asked, overrides), named))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the baseline to a file, which holds the whole of it or what it held before."""
        write_whole(Path(path), self.frozen.to_bytes())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The baseline that `save` wrote, exactly.

        Raises:
            ValueError: If the file is no baseline, was altered, or is of a version that this one cannot read.
        """
        return cls(FrozenBaseline.from_bytes(Path(path).read_bytes()))

    def compare(
        self,
        current: Any,
        *,
        methods: Iterable[str] | None = None,
        tolerances: Mapping[str, float] | None = None,
        policy: str = Policy.EVIDENCE_AND_EFFECT,
        min_rows: int = MIN_ROWS,
        sensitive: Iterable[str] = (),
    ) -> Comparison:
        """Compare data with the baseline; the arguments are those of the function `compare`."""
        say_that_kernels_compile()
        plan = plan_of(
            methods, tolerances=tolerances, policy=policy, min_rows=min_rows, sensitive=sensitive
        )
        check_sensitive(plan.sensitive, {*self.frozen.held_columns, *self.features})
        wheres = {name: each.where for name, each in self.frozen.slices.items()}
        check_not_sensitive(_listed(wheres), plan.sensitive)
        return _compare(self.frozen, to_arrow(current, CURRENT), plan)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(self.frozen.features)

    def __repr__(self) -> str:
        return f"Baseline of {self.frozen.rows:,} rows: {', '.join(self.features)}"


def compare(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[str] = (),
    categorical: Iterable[str] = (),
    numeric: Iterable[str] = (),
    sensitive: Iterable[str] = (),
    slices: Mapping[str, str] | None = None,
    methods: Iterable[str] | None = None,
    tolerances: Mapping[str, float] | None = None,
    policy: str = Policy.EVIDENCE_AND_EFFECT,
    min_rows: int = MIN_ROWS,
) -> Comparison:
    """Compare two tables, as `drift check` compares two files.

    Args:
        reference: A table of pandas, polars, Arrow or another library that lends Arrow data.
        current: What is compared with it, likewise.
        columns: The features; all columns of a known type when empty, without points in time.
        categorical: Features that are compared by name, whatever their type.
        numeric: Features that are compared by order.
        sensitive: Columns of the reference of which the result shows no value.
        slices: Parts of the rows that are judged beside the whole: name to condition.
        methods: The methods by name; the default ones when None.
        tolerances: The smallest change that matters, by method, such as `{"ks": 0.05}`.
        policy: `evidence_and_effect` or `threshold`.
        min_rows: Usable rows that a verdict takes.

    Raises:
        TypeError: If one of the two is no table, or an argument is of another type.
        ValueError: If the arguments do not fit the data, or the reference holds no row.
    """
    say_that_kernels_compile()
    plan = plan_of(
        methods, tolerances=tolerances, policy=policy, min_rows=min_rows, sensitive=sensitive
    )
    asked, named = as_names(columns, "columns"), as_conditions(slices)
    overrides = _overrides(categorical, numeric)
    before = to_arrow(reference, REFERENCE)
    # what can be read only once, such as a stream, is compared with itself all the same
    after = before if current is reference else to_arrow(current, CURRENT)
    check_sensitive(plan.sensitive, before.column_names)
    check_not_sensitive(_listed(named), plan.sensitive)
    kinds = comparable(_chosen(before.table, _usable(asked, before), overrides), plan)
    frozen = _fit(before, kinds, named)
    offered = asked or frozen.held_columns
    unusable = {name: why for name, why in before.unusable.items() if name in offered}
    return _compare(frozen, after, plan, offered=offered, unusable=unusable)


def _usable(asked: Sequence[str], taken: TakenTable) -> list[str]:
    """The columns asked for that can be read.

    Raises:
        ValueError: If none of them can.
    """
    usable = [name for name in asked if name not in taken.unusable]
    if asked and not usable:
        raise ValueError(" ".join(taken.unusable[name] for name in asked))
    return usable


def _overrides(categorical: Iterable[str], numeric: Iterable[str]) -> dict[str, FeatureKind]:
    by_name, by_order = as_names(categorical, "categorical"), as_names(numeric, "numeric")
    if both := sorted(set(by_name) & set(by_order)):
        raise ValueError(f"Either categorical or numeric: {', '.join(both)}.")
    kinds = dict.fromkeys(by_name, FeatureKind.CATEGORICAL)
    return kinds | dict.fromkeys(by_order, FeatureKind.NUMERIC)


def _chosen(
    table: pa.Table, columns: Sequence[str], overrides: Mapping[str, FeatureKind]
) -> dict[str, FeatureKind]:
    types = {field.name: field.type for field in table.schema}
    index = set(find_index_columns(table.schema, is_text=False))
    held = HeldColumns(types=types, index=index)
    return choose_kinds(held, columns, overrides, kinds_argument="categorical and numeric")


def _fit(
    taken: TakenTable, kinds: Mapping[str, FeatureKind], slices: Mapping[str, str]
) -> FrozenBaseline:
    frozen = FrozenBaseline.fit(
        taken.table, kinds, max_rows=MAX_REFERENCE_ROWS, max_value_bytes=MAX_BASELINE_BYTES
    )
    if slices:
        frozen = _with_slices(frozen, slices, taken.table)
    return replace(frozen, held_columns=taken.column_names)


def _with_slices(
    frozen: FrozenBaseline, slices: Mapping[str, str], table: pa.Table
) -> FrozenBaseline:
    try:
        return frozen.with_slices(wheres_of(_listed(slices)), table)
    except BadCondition as error:
        raise ValueError(f"slices: A condition is wrong {error}") from error


def _listed(slices: Mapping[str, str]) -> list[dict[str, str]]:
    return check_form([{"name": name, "where": where} for name, where in slices.items()])


def _compare(
    frozen: FrozenBaseline,
    current: TakenTable,
    plan: EvaluationPlan,
    offered: Sequence[str] = (),
    unusable: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare a table with a baseline.

    Args:
        frozen: The baseline.
        current: The table.
        plan: Methods, limits and policy.
        offered: The columns that could have been compared; all of the reference when empty.
        unusable: Columns of the reference that cannot be read, each with the reason.
    """
    unread = unusable or {}
    new_columns = _new_columns(frozen, current)
    drawing = Drawing(frames=frozen.frames, sensitive=plan.sensitive)
    judged = judge(frozen, current, plan, new_columns, drawing)
    compared = list(comparable(_kinds_of(frozen), plan))
    judged_columns = {*compared, *unread}
    left_out = [name for name in offered or frozen.held_columns if name not in judged_columns]
    return conclude(
        (Side(uri=REFERENCE, rows=frozen.rows), Side(uri=CURRENT, rows=judged.rows)),
        ReferenceColumns(compared=compared, left_out=tuple(left_out), unusable=unread),
        new_columns,
        judged.methods,
        {each["feature"]: each for each in show_drawing(drawing)},
    )


def _new_columns(frozen: FrozenBaseline, current: TakenTable) -> tuple[str, ...]:
    """The columns that the reference did not have, but an index; none if the baseline does not know what it had."""
    if not frozen.held_columns:
        return ()
    index = set(find_index_columns(current.table.schema, is_text=False))
    known = {*frozen.held_columns, *index}
    return tuple(name for name in current.column_names if name not in known)


def _kinds_of(frozen: FrozenBaseline) -> dict[str, FeatureKind]:
    return {name: each.kind for name, each in frozen.features.items()}
