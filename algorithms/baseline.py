"""The frozen summary of a reference window that every later run is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa

from algorithms import baseline_format
from algorithms.columns import FeatureKind, IntArray, count_categories, guess_kind, to_float64
from algorithms.errors import InsufficientData, MissingColumn, UnusableColumn
from algorithms.profiles import FeatureReference, profile_categorical, profile_numeric

__all__ = ["Baseline", "FeatureKind", "guess_kind"]

SEED = 20_200_229


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """A reference window, summarized feature by feature; two baselines are the same if their `content_hash` is.

    Attributes:
        rows: Rows of the reference window.
        sampled_rows: Rows whose numbers were kept; fewer than `rows` when the window was sampled.
        seed: Seed of that sample.
        bins: Cells PSI cuts the numeric features into.
        features: Each feature's profile by its column name, in the order they were given.
    """

    rows: int
    sampled_rows: int
    seed: int
    bins: int
    features: Mapping[str, FeatureReference]

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        kinds: Mapping[str, FeatureKind],
        max_rows: int,
        bins: int = 10,
        seed: int = SEED,
    ) -> Self:
        """Summarize a reference window.

        Args:
            table: The window.
            kinds: The columns to keep and how to read each.
            max_rows: Numbers are kept from at most this many rows, a uniform sample without replacement, the same
                rows for each feature. Counts, nulls and summaries always come from all rows.
            bins: Cells for PSI.
            seed: Seed of the sample; the same table and seed give the same baseline.

        Raises:
            InsufficientData: If the table has no row.
            MissingColumn: If the table lacks one of the columns.
            UnusableColumn: If a column cannot be read as its kind.
            ValueError: If `max_rows` or `bins` is too small to describe a distribution.
        """
        if max_rows < 1 or bins < 2:
            raise ValueError(f"A baseline needs at least 1 row and 2 bins, not {max_rows} and {bins}.")
        if not table.num_rows:
            raise InsufficientData("The reference window holds no row.")
        kept = None
        if table.num_rows > max_rows:
            kept = np.sort(np.random.default_rng(seed).choice(table.num_rows, max_rows, replace=False, shuffle=False))
        features = {name: _profile(table, name, FeatureKind(kind), kept) for name, kind in kinds.items()}
        return cls(
            rows=table.num_rows, sampled_rows=min(table.num_rows, max_rows), seed=seed, bins=bins, features=features
        )

    @property
    def sampled(self) -> bool:
        """Whether only a sample of the window's numbers was kept."""
        return self.sampled_rows < self.rows

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the content in hex, whatever library version wrote the bytes."""
        return baseline_format.content_hash(self._header(), list(self.features.values()))

    def to_bytes(self) -> bytes:
        """The baseline as a compressed Arrow stream with a checksum."""
        return baseline_format.encode(self._header(), list(self.features.values()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The baseline that `to_bytes` wrote, exactly.

        Raises:
            CorruptBaseline: If the bytes were cut short or altered.
            UnsupportedBaseline: If a newer version wrote them.
        """
        header, features = baseline_format.decode(data)
        return cls(**header, features={feature.name: feature for feature in features})

    def _header(self) -> dict[str, int]:
        return {"rows": self.rows, "sampled_rows": self.sampled_rows, "seed": self.seed, "bins": self.bins}


def _profile(table: pa.Table, name: str, kind: FeatureKind, kept_rows: IntArray | None) -> FeatureReference:
    if name not in table.column_names:
        raise MissingColumn(f"The reference window has no column {name!r}.")
    column = table.column(name)
    try:
        if kind is FeatureKind.NUMERIC:
            return profile_numeric(name, to_float64(column), kept_rows)
        return profile_categorical(name, count_categories(column))
    except UnusableColumn as error:
        raise UnusableColumn(f"Column {name!r}: {error}") from error
