"""Summarizes a reference window once, as the frozen baseline of every later run."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any, Self

import pyarrow as pa

from . import baseline_format, bundles
from .columns import FeatureKind, guess_kind
from .errors import InsufficientData, MissingColumn, UnusableColumn
from .fitting import Fitter, new_fitter
from .profiles import FeatureProfile, Profile, Unprofiled
from .references import FeatureReference, NumericReference, Window, chunks_of

__all__ = ["Baseline", "FeatureKind", "Window", "guess_kind"]

SEED = 20_200_229
THREADS = 2
COLUMN_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, pa.ArrowException)
"""What a bad column can cause; a time limit or a lack of memory is the run's affair."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """A reference window, summarized feature by feature; two baselines are the same if their `content_hash` is.

    Attributes:
        rows: Rows of the reference window.
        sampled_rows: Rows whose numbers were counted; fewer than `rows` when the window was sampled.
        seed: Seed of that sample.
        bins: Cells PSI cuts the numeric features into.
        features: Each feature's reference by its column name, in the order they were given.
    """

    rows: int
    sampled_rows: int
    seed: int
    bins: int
    features: Mapping[str, FeatureReference]

    @classmethod
    def fit(
        cls,
        window: Window | Iterable[pa.RecordBatch],
        kinds: Mapping[str, FeatureKind],
        max_rows: int = 1_000_000,
        bins: int = 10,
        seed: int = SEED,
        max_value_bytes: int | None = None,
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

        Raises:
            InsufficientData: If the window has no row.
            MissingColumn: If the window lacks one of the columns.
            UnusableColumn: If a column cannot be read as its kind.
            ValueError: If `max_rows` or `bins` is too small to describe a distribution.
        """
        if max_rows < 1 or bins < 2:
            raise ValueError(
                f"A baseline needs at least 1 row and 2 bins, not {max_rows} and {bins}."
            )
        fitters = {
            name: new_fitter(name, FeatureKind(kind), max_rows=max_rows, bins=bins, seed=seed)
            for name, kind in kinds.items()
        }
        if isinstance(window, Iterable) and not isinstance(window, pa.Table):
            rows, features = _fit_batches(fitters, window)
        else:
            rows, features = _fit_columns(fitters, window)
        if not rows:
            raise InsufficientData("The reference window holds no row.")
        baseline = cls(
            rows=rows, sampled_rows=min(rows, max_rows), seed=seed, bins=bins, features=features
        )
        if max_value_bytes is None or baseline.value_bytes <= max_value_bytes:
            return baseline
        return baseline.without_values()

    def profile(self, batches: Iterable[pa.RecordBatch], *, max_value_rows: int = 0) -> Profile:
        """Count record batches on this baseline's cells, in one pass.

        Args:
            batches: The window; columns that the baseline does not know are ignored.
            max_value_rows: Numbers stay in the profile, for exact KS, while it has no more rows than this.
        """
        profile = Profile(
            rows=0, features={name: each.empty_profile() for name, each in self.features.items()}
        )
        for batch in batches:
            keep = profile.rows + batch.num_rows <= max_value_rows
            found = {
                name: self.profile_feature(batch, name, keep_values=keep) for name in self.features
            }
            profile = Profile.merge([profile, Profile(rows=batch.num_rows, features=found)])
        return profile

    def profile_columns(self, window: Window) -> Profile:
        """Count a window column by column, none of which is held longer than it takes to count it.

        Where the window reads its columns in pieces that are the batches of `profile`, the profiles are equal.
        """
        features = {
            name: self.profile_feature(window, name, keep_values=False) for name in self.features
        }
        return Profile(rows=window.num_rows, features=features)

    def profile_feature(
        self, window: Window | pa.RecordBatch, name: str, *, keep_values: bool
    ) -> FeatureProfile | Unprofiled:
        """Count one column of a window; a column that cannot be read becomes the reason why."""
        if name not in (
            window.schema.names if isinstance(window, pa.RecordBatch) else window.column_names
        ):
            return Unprofiled(reason=f"The window has no column {name!r}.")
        try:
            reference = self.features[name]
            profiles = (
                reference.profile(chunk, keep_values=keep_values)
                for chunk in chunks_of(window, name)
            )
            return reduce(add, profiles)
        except UnusableColumn as error:
            return Unprofiled(reason=str(error))
        except COLUMN_ERRORS as error:
            return Unprofiled(reason=f"{type(error).__name__}: {error}")

    @property
    def sampled(self) -> bool:
        """True if only a sample of the window's numbers was counted."""
        return self.sampled_rows < self.rows

    @property
    def value_bytes(self) -> int:
        """Bytes that the sorted numbers of all features take."""
        return sum(each.values.nbytes for each in self._numeric() if each.values is not None)

    def without_values(self) -> Self:
        """The same baseline without sorted numbers; KS is binned then, with its bound stated."""
        features = {
            name: each.without_values(self.bins) if isinstance(each, NumericReference) else each
            for name, each in self.features.items()
        }
        return replace(self, features=features)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the content in hex, whatever library version wrote the bytes."""
        return bundles.content_hash(*baseline_format.to_bundle(self._header(), self.features))

    def to_bytes(self) -> bytes:
        """The baseline as a compressed Arrow stream with a checksum."""
        return bundles.encode(
            baseline_format.KIND, *baseline_format.to_bundle(self._header(), self.features)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The baseline that `to_bytes` wrote, exactly.

        Raises:
            CorruptBundle: If the bytes were cut short or altered.
            UnsupportedBundle: If another version wrote them.
        """
        header, features = baseline_format.from_bundle(*bundles.decode(baseline_format.KIND, data))
        return cls(**header, features=features)

    def _header(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "sampled_rows": self.sampled_rows,
            "seed": self.seed,
            "bins": self.bins,
        }

    def _numeric(self) -> Iterator[NumericReference]:
        return (each for each in self.features.values() if isinstance(each, NumericReference))


def _fit_columns(
    fitters: Mapping[str, Fitter], window: Window
) -> tuple[int, dict[str, FeatureReference]]:
    if not window.num_rows:
        return 0, {}

    def fit(name: str) -> FeatureReference:
        if name not in window.column_names:
            raise MissingColumn(f"The reference window has no column {name!r}.")
        for chunk in chunks_of(window, name):
            _add(fitters[name], name, chunk)
        return fitters[name].finish()

    with ThreadPoolExecutor(THREADS) as pool:
        return window.num_rows, dict(zip(fitters, pool.map(fit, fitters), strict=True))


def _fit_batches(
    fitters: Mapping[str, Fitter], batches: Iterable[pa.RecordBatch]
) -> tuple[int, dict[str, FeatureReference]]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for name, fitter in fitters.items():
            if name not in batch.schema.names:
                raise MissingColumn(f"The reference window has no column {name!r}.")
            _add(fitter, name, batch.column(name))
    return rows, {name: fitter.finish() for name, fitter in fitters.items()} if rows else {}


def _add(fitter: Fitter, name: str, column: Any) -> None:
    try:
        fitter.add(column)
    except UnusableColumn as error:
        raise UnusableColumn(f"Column {name!r}: {error}") from error
