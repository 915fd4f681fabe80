"""Summarizes a reference window once, as the frozen baseline of every later run."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Self

import pyarrow as pa

from . import baseline_format, bundles
from .columns import FeatureKind, guess_kind
from .errors import (
    COLUMN_ERRORS,
    CorruptBundle,
    InsufficientData,
    MissingColumn,
    RetypedColumn,
    UnusableColumn,
)
from .fitting import FitOptions, Fitter, new_fitter
from .performance.estimators import Estimators
from .pictures import Frames, frame_of
from .profiles import FeatureProfile, Profile, Unprofiled
from .references import FeatureReference, NumericReference, Window, chunks_of, has_column
from .schema_changes import SchemaChange
from .slices.counting import SliceCounter, count_slices
from .slices.slice_references import SliceReference, new_slices

__all__ = ["COLUMN_ERRORS", "Baseline", "FeatureKind", "Window", "guess_kind"]

SEED = 20_200_229
THREADS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """A reference window, summarized feature by feature; two baselines are the same if their `content_hash` is.

    Attributes:
        rows: Rows of the reference window.
        sampled_rows: Rows whose numbers were counted; fewer than `rows` when the window was sampled.
        seed: Seed of that sample.
        bins: Cells PSI cuts the numeric features into.
        features: Each feature's reference by its column name, in the order they were given.
        estimators: What estimates of a model's performance need; None if nothing is estimated.
        slices: The reference of each slice by its name.
        held_columns: All columns of the reference window; empty where those who fitted it keep them elsewhere.
    """

    rows: int
    sampled_rows: int
    seed: int
    bins: int
    features: Mapping[str, FeatureReference]
    estimators: Estimators | None = None
    slices: Mapping[str, SliceReference] = field(default_factory=dict)
    held_columns: Sequence[str] = ()

    @classmethod
    def fit(
        cls,
        window: Window | Iterable[pa.RecordBatch],
        kinds: Mapping[str, FeatureKind],
        max_rows: int = 1_000_000,
        bins: int = 10,
        seed: int = SEED,
        max_value_bytes: int | None = None,
        *,
        is_untyped: bool = False,
    ) -> Self:
        """Summarize a reference window, read once and in bounded memory.

        Args:
            window: Its columns, or record batches one after the other.
            kinds: The columns to keep and how to read each.
            max_rows: Numbers are counted from at most this many rows, a uniform sample without replacement, the same
                rows for each feature. Nulls and summaries always come from all rows, and so do categories.
            bins: Cells for PSI.
            seed: Seed of the sample; the same window and seed give the same baseline.
            max_value_bytes: The sorted numbers are kept, for exact KS, if all of them together take no more; None keeps
                them always.
            is_untyped: True for the text of files that say nothing of types.

        Raises:
            InsufficientData: If the window has no row.
            MissingColumn: If the window lacks one of the columns.
            UnusableColumn: If a column cannot be read as its kind.
            ValueError: If `max_rows` or `bins` is too small to describe a distribution.
        """
        _require_enough(max_rows, bins)
        options = FitOptions(max_rows=max_rows, bins=bins, seed=seed, is_untyped=is_untyped)
        fitters = _new_fitters(kinds, options)
        rows, features = _fit_window(fitters, window)
        if not rows:
            raise InsufficientData("The reference window holds no row.")
        sampled_rows = min(rows, max_rows)
        fitted = cls(rows=rows, sampled_rows=sampled_rows, seed=seed, bins=bins, features=features)
        return fitted._within(max_value_bytes)

    def _within(self, max_value_bytes: int | None) -> Self:
        """The baseline, without its values if they take more bytes than that."""
        if max_value_bytes is None or self.value_bytes <= max_value_bytes:
            return self
        return self.without_values()

    def with_slices(
        self, wheres: Mapping[str, str], window: Window | Iterable[pa.RecordBatch]
    ) -> Self:
        """The same baseline with slices of the reference window, which is read once more.

        Args:
            wheres: The text of each slice's condition, by its name.
            window: The window that the baseline was fitted to.

        Raises:
            BadCondition: If a condition cannot be read, or does not fit the features.
        """
        slices = new_slices(wheres, self.features)
        return replace(self, slices=count_slices(slices, self.features, window) if slices else {})

    def slice_counter(self, window: Window | pa.RecordBatch) -> SliceCounter:
        """A counter of the window's slices, used while its columns are read."""
        return SliceCounter(self.slices, self.features, window)

    def profile(
        self,
        batches: Iterable[pa.RecordBatch],
        *,
        max_value_rows: int = 0,
        sampled: Collection[str] = (),
    ) -> Profile:
        """Count record batches on this baseline's cells, in one pass.

        Args:
            batches: The window; columns that the baseline does not know are ignored.
            max_value_rows: Numbers stay in the profile, for exact KS, while it has no more rows than this.
            sampled: The numeric features of which the profile holds a sample.
        """
        profile = self._empty_profile()
        for batch in batches:
            keep = profile.rows + batch.num_rows <= max_value_rows
            counted = self._profile_all(batch, keep_values=keep, sampled=sampled)
            profile = Profile.merge([profile, counted])
        return profile

    def _empty_profile(self) -> Profile:
        """The profile of no rows."""
        features = {name: each.empty_profile() for name, each in self.features.items()}
        slices = {name: each.empty_profile() for name, each in self.slices.items()}
        return Profile(rows=0, features=features, slices=slices)

    def _profile_all(
        self, window: Window | pa.RecordBatch, *, keep_values: bool, sampled: Collection[str]
    ) -> Profile:
        """Count every column of a window."""
        counter = self.slice_counter(window)
        features = {
            name: self.profile_feature(
                window,
                name,
                keep_values=keep_values,
                keep_sample=name in sampled,
                counter=counter,
            )
            for name in self.features
        }
        return Profile(rows=window.num_rows, features=features, slices=counter.profiles())

    def profile_columns(self, window: Window, *, sampled: Collection[str] = ()) -> Profile:
        """Count a window column by column, none of which is held longer than it takes to count it.

        Where the window reads its columns in pieces that are the batches of `profile`, the profiles are equal.
        """
        return self._profile_all(window, keep_values=False, sampled=sampled)

    def profile_feature(
        self,
        window: Window | pa.RecordBatch,
        name: str,
        *,
        keep_values: bool,
        keep_sample: bool = False,
        counter: SliceCounter | None = None,
    ) -> FeatureProfile | Unprofiled:
        """Count one column of a window; a column that cannot be read becomes the reason why.

        Args:
            window: The window.
            name: The column.
            keep_values: Whether its numbers stay in the profile.
            keep_sample: Whether a sample of its numbers stays in it.
            counter: Counts the column on the window's slices in the same read.
        """
        counter = counter or SliceCounter({}, self.features, window)
        profile = self._profile_column(
            counter, name, keep_values=keep_values, keep_sample=keep_sample
        )
        if isinstance(profile, Unprofiled):
            counter.leave_out(name, profile)
        return profile

    def _profile_column(
        self, counter: SliceCounter, name: str, *, keep_values: bool, keep_sample: bool
    ) -> FeatureProfile | Unprofiled:
        if not has_column(counter.window, name):
            reason = f"The window has no column {name!r}."
            return Unprofiled(reason=reason, change=SchemaChange.LOST)
        try:
            return counter.profile(name, keep_values=keep_values, keep_sample=keep_sample)
        except RetypedColumn as error:
            return Unprofiled(reason=str(error), change=SchemaChange.RETYPED)
        except UnusableColumn as error:
            return Unprofiled(reason=str(error))
        except COLUMN_ERRORS as error:
            return Unprofiled(reason=f"{type(error).__name__}: {error}")

    @cached_property
    def frames(self) -> Frames:
        """The frame of each feature's pictures."""
        return {name: frame_of(reference) for name, reference in self.features.items()}

    @property
    def sampled(self) -> bool:
        """True if only a sample of the window's numbers was counted."""
        return self.sampled_rows < self.rows

    @property
    def value_bytes(self) -> int:
        """Bytes that the sorted numbers of all features take."""
        kept = (each.values for each in self._numeric() if each.values is not None)
        return sum(values.nbytes for values in kept)

    def without_values(self) -> Self:
        """The same baseline without sorted numbers; KS is binned then, with its bound stated."""
        thinned = {each.name: each.without_values(self.bins) for each in self._numeric()}
        return replace(self, features={**self.features, **thinned})

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the content in hex, whatever library version wrote the bytes."""
        return bundles.content_hash(*self._bundle())

    def to_bytes(self) -> bytes:
        """The baseline as a compressed Arrow stream with a checksum."""
        return bundles.encode(baseline_format.KIND, *self._bundle())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The baseline that `to_bytes` wrote, exactly.

        Raises:
            CorruptBundle: If the bytes were cut short or altered, or what they hold does not fit together.
            UnsupportedBundle: If another version wrote them.
        """
        header, arrays = bundles.decode(baseline_format.KIND, data)
        try:
            return cls(**baseline_format.read_bundle(header, arrays))
        except CorruptBundle:
            raise
        except (*bundles.READ_ERRORS, AttributeError) as error:
            raise CorruptBundle(f"The bytes are not a baseline: {error}.") from error

    def _bundle(self) -> tuple[dict[str, Any], dict[str, pa.Array]]:
        header: dict[str, Any] = {
            "rows": self.rows,
            "sampled_rows": self.sampled_rows,
            "seed": self.seed,
            "bins": self.bins,
        }
        if self.held_columns:  # a baseline without them keeps its content hash
            header["held_columns"] = list(self.held_columns)
        header, arrays = baseline_format.to_bundle(header, self.features, self.slices)
        return header, arrays | baseline_format.estimator_arrays(self.estimators)

    def _numeric(self) -> Iterator[NumericReference]:
        return (each for each in self.features.values() if isinstance(each, NumericReference))


def _require_enough(max_rows: int, bins: int) -> None:
    if max_rows < 1 or bins < 2:
        raise ValueError(f"A baseline needs at least 1 row and 2 bins, not {max_rows} and {bins}.")


def _new_fitters(kinds: Mapping[str, FeatureKind], options: FitOptions) -> dict[str, Fitter]:
    return {name: new_fitter(name, FeatureKind(kind), options) for name, kind in kinds.items()}


def _fit_window(
    fitters: Mapping[str, Fitter], window: Window | Iterable[pa.RecordBatch]
) -> tuple[int, Mapping[str, FeatureReference]]:
    """Rows of a window and each feature's reference; a table's columns are fitted side by side."""
    if isinstance(window, Iterable) and not isinstance(window, pa.Table):
        return _fit_batches(fitters, window)
    return _fit_columns(fitters, window)


def _fit_columns(
    fitters: Mapping[str, Fitter], window: Window
) -> tuple[int, dict[str, FeatureReference]]:
    if not window.num_rows:
        return 0, {}
    with ThreadPoolExecutor(THREADS) as pool:
        references = pool.map(partial(_fit_column, fitters, window), fitters)
        return window.num_rows, dict(zip(fitters, references, strict=True))


def _fit_column(fitters: Mapping[str, Fitter], window: Window, name: str) -> FeatureReference:
    _require_column(name, window.column_names)
    for chunk in chunks_of(window, name):
        _add(fitters[name], name, chunk)
    return fitters[name].finish()


def _require_column(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise MissingColumn(f"The reference window has no column {name!r}.")


def _fit_batches(
    fitters: Mapping[str, Fitter], batches: Iterable[pa.RecordBatch]
) -> tuple[int, dict[str, FeatureReference]]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        _add_batch(fitters, batch)
    if not rows:
        return 0, {}
    return rows, {name: fitter.finish() for name, fitter in fitters.items()}


def _add_batch(fitters: Mapping[str, Fitter], batch: pa.RecordBatch) -> None:
    for name, fitter in fitters.items():
        _require_column(name, batch.schema.names)
        _add(fitter, name, batch.column(name))


def _add(fitter: Fitter, name: str, column: Any) -> None:
    try:
        fitter.add(column)
    except UnusableColumn as error:
        raise UnusableColumn(f"Column {name!r}: {error}") from error
