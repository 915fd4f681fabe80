"""Classifiers of rows that are fitted once: many tests build a baseline of the same rows."""

from hashlib import sha256

import numpy as np
import pytest

from algorithms.performance.domain_classifier import DomainClassifier
from algorithms.performance.reference_sample import Columns

_fit = DomainClassifier.fit
_fits: dict[tuple[str, ...], DomainClassifier] = {}


@pytest.fixture(autouse=True)
def remembered_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows have the classifier that was fitted to them before."""
    monkeypatch.setattr(DomainClassifier, "fit", fit_once)


def fit_once(reference: Columns, window: Columns) -> DomainClassifier:
    key = (_name(reference), _name(window))
    if key not in _fits:
        _fits[key] = _fit(reference, window)
    return _fits[key]


def _name(columns: Columns) -> str:
    return f"{columns.shape} {sha256(np.ascontiguousarray(columns).tobytes()).hexdigest()}"
