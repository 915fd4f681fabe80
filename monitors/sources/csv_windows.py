"""Read windows of CSV files, column by column as their reference was read.

Values are parsed in the types of each file's first block. A column with a value that does not fit
is read as words, and the words are converted: to a wider type, or else the column is refused with
the word and its row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from monitors.sources.column_types import ColumnType
from monitors.sources.csv_parsing import misfitting_column
from monitors.sources.csv_types import (
    TEXT,
    Misfit,
    are_mostly_other,
    candidates,
    convert,
    find_misfit,
    first_type,
    may_be_unsigned,
)
from monitors.sources.datasets import explain_file, file_schema
from monitors.sources.local_times import place_in_zone
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.scans import Scan, within_budget
from monitors.sources.source_errors import (
    PYARROW_ERRORS,
    RetypedReason,
    SchemaMismatch,
    SourceError,
    to_source_error,
)
from monitors.sources.time_filters import Timeframe

HEADER_ROWS = 1
LONGEST_WORD = 40
MOST_WORDS = 200
"""The words that say if a column is retyped."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A window of CSV files: the columns that can be read, and the reasons against the others."""

    table: pa.Table
    unusable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CsvPlan:
    """The way in which the columns of some CSV files are parsed.

    Attributes:
        narrowed: The files, with the types of their first blocks.
        parsed: The types that the parser is given.
        words: The columns that are parsed as text and then converted, each with the types that are
            still to be tried.
        unusable: The columns that no type fits, each with the reason.
        misfits: The number of times that a value did not fit its column.
    """

    narrowed: NarrowedDataset
    parsed: pa.Schema
    words: Mapping[str, tuple[pa.DataType, ...]]
    unusable: Mapping[str, str] = field(default_factory=dict)
    misfits: int = 0

    @property
    def zone(self) -> str:
        """The zone in which dates and times without a zone are read."""
        return self.narrowed.timeframe.zone

    @property
    def time_in_words(self) -> str | None:
        """The column of times, if it is converted after it has been parsed."""
        column = self.narrowed.timeframe.column
        return column if column in self.words else None

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns after the conversion."""
        fields = (each for each in self.parsed if each.name not in self.unusable)
        return pa.schema([each.with_type(self._type_of(each)) for each in fields])

    def _type_of(self, each: pa.Field) -> pa.DataType:
        return self.words[each.name][0] if each.name in self.words else each.type

    def with_words(self, columns: Collection[str]) -> Self:
        """The plan with some columns that are parsed as text and then converted."""
        found = {each.name: each for each in self.parsed if each.name in columns}
        types = {name: self._candidates(each) for name, each in found.items()}
        words = {name: each for name, each in {**self.words, **types}.items() if each}
        fields = (each.with_type(TEXT) if each.name in found else each for each in self.parsed)
        return replace(self, parsed=pa.schema(fields), words=words)

    def _candidates(self, each: pa.Field) -> tuple[pa.DataType, ...]:
        return candidates(_contract(self.narrowed, each.name), each.type)

    def after_misfit(self, column: str) -> Self:
        """The plan for the next pass, after a value did not fit the type of its column.

        The first time this column is read as words, then all at once: data with a misfit in each
        column must not be read once for each of them.
        """
        columns = {column} if not self.misfits else {column, *self._all_but_time()}
        return replace(self.with_words(columns), misfits=self.misfits + 1)

    def _all_but_time(self) -> Iterator[str]:
        """The columns that are not read as words, without that of times, whose words take longer."""
        for each in self.parsed:
            is_time = each.name == self.narrowed.timeframe.column
            is_key = self.narrowed.dataset.has_key(each.name)
            if each.type != TEXT and not is_time and not is_key:
                yield each.name

    def with_types(self, column: str, types: tuple[pa.DataType, ...]) -> Self:
        """The plan with other types that are still to be tried for a column of words."""
        return replace(self, words={**self.words, column: types})


def read_csv(narrowed: NarrowedDataset, max_bytes: int) -> CsvTable:
    """The whole window.

    Raises:
        SourceError: A subclass that says what is wrong, and with which file.
    """
    plan = _begin(narrowed)
    while True:
        plan = _settle_time(plan)
        try:
            found = _read(plan, max_bytes)
        except PYARROW_ERRORS as error:
            plan = _reread_or_raise(plan, error)
            continue
        if not (unsigned := _unsigned_columns(plan, found.table)):
            return found
        plan = plan.with_words(unsigned)


def settle(narrowed: NarrowedDataset) -> CsvPlan:
    """The plan whose types hold every value, found by reading everything and keeping nothing.

    A division of CSV files needs it: the types of a part may depend on a value in another part.

    Raises:
        SourceError: A subclass that says what is wrong, and with which file.
    """
    plan = _begin(narrowed)
    while True:
        plan = _settle_time(plan)
        try:
            settled = _settle_words(plan)
        except PYARROW_ERRORS as error:
            plan = _reread_or_raise(plan, error)
            continue
        # A later type may hold less than an earlier one: seconds reach further than nanoseconds.
        if settled.words == plan.words and settled.unusable == plan.unusable:
            return settled
        plan = settled


def stream_csv(plan: CsvPlan) -> Iterator[pa.RecordBatch]:
    """The window in batches that are not empty, in the types of a settled plan."""
    wanted = [name for name in plan.narrowed.columns if name not in plan.unusable]
    for batch in _window_batches(plan):
        if batch.num_rows:
            yield _placed_batch(_converted(plan, batch).select(wanted), plan.zone)


def _begin(narrowed: NarrowedDataset) -> CsvPlan:
    """The plan that trusts the first blocks as far as the contract lets it."""
    dataset, words = narrowed.dataset, {}
    fields = []
    for each in narrowed.schema:
        contract = _contract(narrowed, each.name)
        is_key = dataset.has_key(each.name)
        parsed = each.type if is_key else first_type(contract, each.type)
        fields.append(pa.field(each.name, parsed))
        if parsed == TEXT and not is_key and (types := candidates(contract, each.type)):
            words[each.name] = types
    return CsvPlan(narrowed, pa.schema(fields), words)


def _contract(narrowed: NarrowedDataset, column: str) -> ColumnType:
    if column == narrowed.timeframe.column:
        return ColumnType.TIME
    return narrowed.types.get(column, ColumnType.GUESS)


def _read(plan: CsvPlan, max_bytes: int) -> CsvTable:
    columns = list(plan.narrowed.columns)
    kept = (batch.select(columns) for batch in _window_batches(plan))
    allowed = within_budget(kept, max_bytes, "The window holds more than")
    schema = pa.schema([_read_field(plan, name) for name in columns])
    table = pa.Table.from_batches(allowed, schema=schema)
    values: dict[str, pa.ChunkedArray] = {}
    misfits: dict[str, Misfit] = {}
    for name in columns:
        found = _values_of(plan, name, table)
        if isinstance(found, Misfit):
            misfits[name] = found
        else:
            values[name] = found
    read = pa.table(values) if values else table.select([])
    return CsvTable(_placed_table(read, plan.zone), _reasons(plan, misfits))


def _values_of(plan: CsvPlan, name: str, table: pa.Table) -> pa.ChunkedArray | Misfit:
    """The values of a column: as they were parsed, or converted from its words."""
    if name not in plan.words or name == plan.time_in_words:
        return table[name]
    return _convert_all(plan, name, table[name])


def _placed_table(table: pa.Table, zone: str) -> pa.Table:
    """The table with its dates and times without a zone read in one."""
    columns = [place_in_zone(column, zone) for column in table.columns]
    return pa.table(columns, table.column_names) if table.num_columns else table


def _placed_batch(batch: pa.RecordBatch, zone: str) -> pa.RecordBatch:
    columns = [place_in_zone(column, zone) for column in batch.columns]
    return pa.record_batch(columns, batch.schema.names) if batch.num_columns else batch


def _read_field(plan: CsvPlan, name: str) -> pa.Field:
    """The column as `_window_batches` gives it: the times are converted by then."""
    source = plan.schema if name == plan.time_in_words else plan.parsed
    return source.field(name)


def _convert_all(plan: CsvPlan, name: str, words: pa.ChunkedArray) -> pa.ChunkedArray | Misfit:
    """The words as the first of the column's types that fits them all."""
    types, dialect = plan.words[name], plan.narrowed.dataset.dialect
    found = (convert(words, dtype, dialect, plan.zone) for dtype in types)
    values = next((each for each in found if each is not None), None)
    return find_misfit(words, types, dialect) if values is None else values


def _window_batches(plan: CsvPlan) -> Iterator[pa.RecordBatch]:
    """The rows of the window as they are parsed, and the timestamps."""
    column = plan.time_in_words
    scan = _scan_of(plan)
    if column is None or not plan.narrowed.timeframe.is_bounded:
        yield from (_with_times(plan, batch) for batch in scan.batches())
        return
    for batch in scan.batches():
        stamped = _with_times(plan, batch)
        inside = plan.narrowed.timeframe.mask(stamped.column(column))
        yield stamped.filter(inside)


def _with_times(plan: CsvPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its words of times converted to the type that they have settled on."""
    if plan.time_in_words is None:
        return batch
    return _set(plan, batch, plan.time_in_words)


def _converted(plan: CsvPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
    for name in plan.words.keys() & set(batch.schema.names) - {plan.time_in_words}:
        batch = _set(plan, batch, name)
    return batch


def _set(plan: CsvPlan, batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """The batch with a column of words converted to the first of its types."""
    words = pa.chunked_array([batch.column(name)])
    values = convert(words, plan.words[name][0], plan.narrowed.dataset.dialect, plan.zone)
    if values is None:
        raise SchemaMismatch(f"The column ‘{name}’ has changed while it was read.")
    return batch.set_column(batch.schema.get_field_index(name), name, values.combine_chunks())


def _scan_of(plan: CsvPlan) -> Scan:
    narrowed = plan.narrowed
    is_late = plan.time_in_words is not None
    columns = [name for name in narrowed.columns if name not in plan.unusable]
    if is_late and plan.time_in_words not in columns:
        columns.append(str(plan.time_in_words))
    return Scan(
        narrowed.dataset,
        narrowed.fragments,
        plan.parsed,
        tuple(columns),
        Timeframe(zone=plan.zone) if is_late else narrowed.timeframe,
        max_bytes=0,
    )


def _settle_time(plan: CsvPlan) -> CsvPlan:
    """The plan whose column of times has a type that holds every time.

    Raises:
        SchemaMismatch: If one of its words is no time, with its row and file.
    """
    column = plan.time_in_words
    if column is None:
        return plan
    scan = replace(_scan_of(plan), columns=(column,), timeframe=Timeframe(zone=plan.zone))
    table = pa.Table.from_batches(scan.batches(), schema=scan.schema_of([column]))
    values = _convert_all(plan, column, table[column])
    if isinstance(values, Misfit):
        raise SchemaMismatch(_reasons(plan, {column: values})[column])
    return plan.with_types(column, (values.type,))


def _settle_words(plan: CsvPlan) -> CsvPlan:
    """The plan after one pass, with the types that have held every word of it."""
    unsigned, words, misfits = set[str](), dict(plan.words), dict[str, Misfit]()
    for batch in _window_batches(plan):
        unsigned |= _unsigned_columns(plan, batch)
        held = set(batch.schema.names) - {plan.time_in_words}
        for name in [each for each in words if each in held]:
            found = pa.chunked_array([batch.column(name)])
            types = _fitting_types(plan, words[name], found)
            if isinstance(types, Misfit):
                misfits[name] = types
                del words[name]
            else:
                words[name] = types
    unusable = {**plan.unusable, **_reasons(plan, misfits)}
    return replace(plan, words=words, unusable=unusable).with_words(unsigned)


def _fitting_types(
    plan: CsvPlan, types: tuple[pa.DataType, ...], words: pa.ChunkedArray
) -> tuple[pa.DataType, ...] | Misfit:
    """The types from the first on that holds these words too."""
    fitting = next((n for n, each in enumerate(types) if _holds(words, each, plan)), None)
    if fitting is None:
        return find_misfit(words, types, plan.narrowed.dataset.dialect)
    return types[fitting:]


def _unsigned_columns(plan: CsvPlan, found: pa.Table | pa.RecordBatch) -> set[str]:
    """The columns that were parsed as floats, but whose words may be uint64."""
    keys = plan.narrowed.dataset.partitions.names
    parsed = set(found.schema.names) - plan.words.keys() - set(keys)
    return {name for name in parsed if may_be_unsigned(found.column(name))}


def _holds(words: pa.ChunkedArray, dtype: pa.DataType, plan: CsvPlan) -> bool:
    return convert(words, dtype, plan.narrowed.dataset.dialect, plan.zone) is not None


def _reread_or_raise(plan: CsvPlan, error: Exception) -> CsvPlan:
    """The plan for the next try, after a value did not fit the type of the first block."""
    scan = _scan_of(plan)
    fragment, error = scan.find_culprit(error)
    if fragment is None:
        raise to_source_error(error, scan.dataset.uri) from error
    column = misfitting_column(str(error), file_schema(scan.dataset, fragment).names)
    if column is None or column not in plan.parsed.names or _is_text(plan, column):
        raise _explained(scan, fragment, error) from error
    return plan.after_misfit(column)


def _is_text(plan: CsvPlan, column: str) -> bool:
    return bool(plan.parsed.field(column).type == TEXT)


def _explained(scan: Scan, fragment: pads.Fragment, error: Exception) -> SourceError:
    return explain_file(scan.dataset, fragment, error)


def _reasons(plan: CsvPlan, misfits: Mapping[str, Misfit]) -> dict[str, str]:
    """The sentences about words that do not fit, each with the first row that has it."""
    places = _find_rows(plan, misfits) if misfits else {}
    reasons = {name: _reason(plan, name, each, places) for name, each in misfits.items()}
    return reasons | {name: RetypedReason(reasons[name]) for name in _retyped(plan, misfits)}


def _reason(plan: CsvPlan, name: str, misfit: Misfit, places: Mapping[str, str]) -> str:
    where = places.get(name, "")
    if name in plan.narrowed.sensitive:
        return f"The column ‘{name}’ must hold {misfit.wanted}, but holds something else{where}."
    word = misfit.word[:LONGEST_WORD] + "…" * (len(misfit.word) > LONGEST_WORD)
    return f"The column ‘{name}’ must hold {misfit.wanted}, but holds ‘{word}’{where}."


def _retyped(plan: CsvPlan, misfits: Mapping[str, Misfit]) -> set[str]:
    """The features most of whose first words are no values of their type."""
    types, dialect = plan.narrowed.types, plan.narrowed.dataset.dialect
    features = [name for name in misfits if types.get(name) is ColumnType.NUMERIC]
    words = _first_words(plan, features) if features else {}
    return {name for name in words if are_mostly_other(words[name], plan.words[name], dialect)}


def _first_words(plan: CsvPlan, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """The words of columns in the first rows of the window, whichever way the window is read."""
    alone = replace(plan, narrowed=replace(plan.narrowed, columns=tuple(names)))
    found: list[pa.RecordBatch] = []
    for batch in _window_batches(alone):
        found.append(batch.select(names))
        if sum(map(len, found)) >= MOST_WORDS:
            break
    table = pa.Table.from_batches(found, pa.schema([(name, TEXT) for name in names]))
    return {name: table[name].slice(0, MOST_WORDS) for name in names}


def _find_rows(plan: CsvPlan, misfits: Mapping[str, Misfit]) -> dict[str, str]:
    """The row and file of each column's word, in one pass, with the header as the first row."""
    dataset, places = plan.narrowed.dataset, dict[str, str]()
    schema = pa.schema([pa.field(name, TEXT) for name in misfits])
    for fragment in plan.narrowed.fragments:
        row, file = HEADER_ROWS, dataset.name_of(fragment)
        scan = replace(
            _scan_of(plan),
            fragments=(fragment,),
            schema=schema,
            columns=tuple(misfits),
            timeframe=Timeframe(zone=plan.zone),
        )
        for batch in scan.batches():
            for name in [each for each in misfits if each not in places]:
                found = pc.index(batch.column(name), misfits[name].word).as_py()
                if found >= 0:
                    places[name] = f" in row {row + found + 1} of ‘{file}’"
            row += batch.num_rows
            if len(places) == len(misfits):
                return places
    return places
