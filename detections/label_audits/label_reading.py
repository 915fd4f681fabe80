"""Reads the labels that people give to drawn rows; what a label can be follows from the predictions."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from algorithms.decimals import LARGEST_EXACT
from algorithms.errors import UnusableColumn
from algorithms.identity import FALSE_WORDS, TRUE_WORDS, reads_as
from algorithms.performance import read_classes, read_numbers
from algorithms.storable_text import is_storable
from algorithms.value_types import ValueType, value_type_of
from detections.models import LabelAudit
from detections.outcomes.refusals import shown
from drift_detector.tenancy.exports import csv_cell

LONGEST_LABEL = 500
LARGEST_MEASURE = 1e75
"""The fourth power of an error, of which the spread of squares is made, is finite then, and so is a sum of 10,000."""
A_NUMBER = "be a finite number, or true or false, as the predictions are"
AN_EXACT_NUMBER = "be a number that a float keeps: up to 2**53"
A_MEASURE = f"be a number from -{LARGEST_MEASURE:g} to {LARGEST_MEASURE:g}"
A_TEXT = f"be text of at most {LONGEST_LABEL} characters, as the predictions are"
NOT_BLANK = (
    "be text without white space at its ends, or a prediction; leave a row out that has no label"
)
ANOTHER_SPELLING = "be written as {!r} is, which is a class already"
EITHER = "come as JSON, as it is a class here, and so is {!r}"
WHOLE = re.compile(r"[+-]?[0-9]+")
NO_LABEL = "No label can be the prediction {}: a label must {}."

type ReadLabel = str | float


class BadLabel(ValueError):
    """A label that cannot be taken.

    Attributes:
        need: What it must do or be, as the end of a sentence.
    """

    def __init__(self, need: str) -> None:
        super().__init__(f"A label must {need}.")
        self.need = need


class BadLabels(ValueError):
    """Labels that cannot be taken, with a sentence for their sender; none of them was."""


def spelling_of(text: str) -> str:
    """The text without differences of case, width and outer white space; people take such texts for the same."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


@dataclass(slots=True)
class LabelReader:
    """Reads labels as they are stored: text where the predictions are text, else numbers as floats.

    Attributes:
        kind: Of the audit.
        value_type: Of the predictions.
        classes: The texts that are known as classes, of predictions and of labels so far.
    """

    kind: LabelAudit.Kind
    value_type: ValueType
    classes: set[str] = field(default_factory=set)
    _spellings: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._spellings = {spelling_of(text): text for text in sorted(self.classes)}

    @classmethod
    def of(cls, kind: str, predictions: pa.Array, labels: Iterable[Any] = ()) -> Self:
        """The reader of an audit's labels.

        Args:
            kind: Of the audit.
            predictions: Of all drawn rows.
            labels: Those that were taken before.
        """
        found = value_type_of(predictions.type)
        known = [*predictions.to_pylist(), *labels] if found is ValueType.TEXT else []
        return cls(LabelAudit.Kind(kind), found, set(known))

    def read(self, label: Any) -> ReadLabel:
        """A label as it is stored.

        Raises:
            BadLabel: If it is none.
        """
        return self._text(label) if self.value_type is ValueType.TEXT else self._number(label)

    def read_cell(self, cell: str) -> ReadLabel:
        """A label as a cell of CSV has it: before a class that a spreadsheet takes for a formula, an apostrophe.

        Raises:
            BadLabel: If it is none, or can be two.
        """
        bare = cell.removeprefix("'")
        if bare == cell or csv_cell(bare) != cell or bare not in self.classes:
            return self.read(cell)
        if cell in self.classes:
            raise BadLabel(EITHER.format(bare))
        return self.read(bare)

    def _text(self, label: Any) -> str:
        if not isinstance(label, str) or len(label) > LONGEST_LABEL or not is_storable(label):
            raise BadLabel(A_TEXT)
        if label in self.classes:
            return label
        if known := self._spellings.get(spelling_of(label)):
            raise BadLabel(ANOTHER_SPELLING.format(known))
        if label != label.strip() or not label:
            raise BadLabel(NOT_BLANK)
        self.classes.add(label)
        self._spellings[spelling_of(label)] = label
        return label

    def _number(self, label: Any) -> float:
        number = self._said(label) if isinstance(label, str) else label
        if not isinstance(number, int | float) or (
            isinstance(number, float) and not isfinite(number)
        ):
            raise BadLabel(A_NUMBER)
        is_measure = self.kind == LabelAudit.Kind.REGRESSION
        if abs(number) > (LARGEST_MEASURE if is_measure else LARGEST_EXACT):
            raise BadLabel(A_MEASURE if is_measure else AN_EXACT_NUMBER)
        return float(number)

    def _said(self, text: str) -> float | None:
        """The number or the truth that a text says, as classes of text beside numbers are read."""
        word = text.strip().lower()
        if self.value_type is ValueType.BOOLEAN and word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
        if len(word) > LONGEST_LABEL or not reads_as(word, ValueType.FLOAT64):
            return None
        return int(word) if WHOLE.fullmatch(word) else float(word)


def right_predictions(predictions: pa.Array, labels: list[ReadLabel]) -> FloatArray:
    """One where the prediction is the label, else zero, shape (n,).

    Raises:
        ValueError: If there are too many classes, or a prediction is not finite.
        UnusableColumn: If predictions and labels cannot be compared.
    """
    if not labels:
        return np.empty(0)
    classes = read_classes(prediction=predictions, label=labels_as_column(labels))
    right: FloatArray = np.equal(classes.codes["prediction"], classes.codes["label"]) * 1.0
    return right


def labels_as_column(labels: list[ReadLabel]) -> pa.Array:
    """Labels as they are stored, in one column: text, or else numbers."""
    is_text = any(isinstance(label, str) for label in labels)
    return pa.array(labels, pa.string() if is_text else pa.float64())


def check_predictions(kind: str, predictions: pa.Array) -> None:
    """Refuse predictions that cannot be compared with labels: each must itself be a valid label.

    Raises:
        ValueError: If one is not finite, or there are too many classes.
        UnusableColumn: If one cannot be a label, or is no number although errors are measured.
    """
    if kind == LabelAudit.Kind.REGRESSION:
        read_numbers(predictions, "prediction")
    else:
        read_classes(prediction=predictions)
    reader = LabelReader.of(kind, predictions)
    labels = [_own_label(reader, each) for each in predictions.to_pylist()]
    if kind == LabelAudit.Kind.CLASSIFICATION and not right_predictions(predictions, labels).all():
        raise UnusableColumn("The predictions cannot be sent back as labels, number for number.")


def find_fraction(predictions: pa.Array) -> float | None:
    """A prediction that is a number and not whole; None if there is none."""
    if not pa.types.is_floating(predictions.type):
        return None
    is_fraction = pc.not_equal(pc.trunc(predictions), predictions)
    found: float | None = next(iter(predictions.filter(is_fraction).to_pylist()), None)
    return found


def _own_label(reader: LabelReader, prediction: Any) -> ReadLabel:
    try:
        return reader.read(prediction)
    except BadLabel as error:
        raise UnusableColumn(NO_LABEL.format(shown(prediction), error.need)) from error
