"""Keeps rows of the reference with their labels, which windows without labels are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..arrays import FloatArray
from ..bundles import Arrays

LARGEST = np.finfo(np.float32).max

type Columns = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledScores:
    """The answers of a classifier, and the labels, for the rows of a sample.

    Attributes:
        score: Shape (n,), from 0 to 1.
        is_predicted: Shape (n,), 1 where the positive class is predicted, else 0.
        is_positive: Shape (n,), 1 where the label is of the positive class, else 0.
    """

    score: FloatArray
    is_predicted: FloatArray
    is_positive: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledLosses:
    """The losses of a regressor in the rows of a sample.

    Attributes:
        error: Shape (n,), the absolute error.
        absolute: Shape (n,), the absolute error that was to be expected.
        squared: Shape (n,), the squared error that was to be expected.
    """

    error: FloatArray
    absolute: FloatArray
    squared: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceSample:
    """Rows of the reference, in the order of time.

    Attributes:
        features: The features that tell windows from the reference.
        columns: Shape (n, d + 1), the features, and then the score or else the prediction.
        usual_shifts: The shift of each of the reference's own stretches against the other rows.
        scores: None without scores of one class.
        losses: None without a model of losses.
    """

    features: tuple[str, ...]
    columns: Columns
    usual_shifts: FloatArray
    scores: LabelledScores | None = None
    losses: LabelledLosses | None = None

    @property
    def rows(self) -> int:
        """Rows of the sample."""
        return len(self.columns)

    @classmethod
    def from_bundle(cls, header: Mapping[str, Any], arrays: Arrays) -> Self:
        """The sample that `to_bundle` wrote."""
        features = tuple(header["features"])
        numbers = {name: each.to_numpy() for name, each in arrays.items()}
        return cls(
            features=features,
            columns=numbers["columns"].reshape(-1, len(features) + 1),
            usual_shifts=numbers["usual_shifts"],
            scores=_read(LabelledScores, numbers),
            losses=_read(LabelledLosses, numbers),
        )

    def to_bundle(self) -> tuple[dict[str, Any], dict[str, pa.Array]]:
        """The sample as JSON values and arrays."""
        arrays = {"usual_shifts": pa.array(self.usual_shifts, pa.float64())}
        for part in (self.scores, self.losses):
            arrays |= {} if part is None else _arrays_of(part)
        arrays["columns"] = pa.array(self.columns.ravel(), pa.float32())
        return {"features": list(self.features)}, arrays


def _arrays_of(part: LabelledScores | LabelledLosses) -> dict[str, pa.Array]:
    return {each.name: pa.array(getattr(part, each.name), pa.float64()) for each in fields(part)}


def _read[Part](kind: type[Part], numbers: Mapping[str, Any]) -> Part | None:
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: numbers[name] for name in names}) if names[0] in numbers else None


def join_columns(features: FloatArray, last: FloatArray) -> Columns:
    """Features and the score side by side, shape (n, d + 1), without infinities, which trees cannot learn from."""
    joined = np.column_stack([features, last])
    found: Columns = np.clip(joined, -LARGEST, LARGEST).astype(np.float32)
    return found
