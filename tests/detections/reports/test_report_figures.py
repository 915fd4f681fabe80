from typing import Any

import pytest

from detections.reports.report_figures import read_figures

PREFIX = "evidently:metric_v2:"


def drift(test: str, threshold: float | None, value: Any) -> dict[str, Any]:
    """The record of a column, as Evidently writes it."""
    config = {"type": f"{PREFIX}ValueDrift", "column": "c", "method": test, "threshold": threshold}
    return {"config": config, "value": value}


@pytest.mark.parametrize(
    ("test", "threshold", "value", "is_drifted"),
    [
        ("K-S p_value", 0.05, 0.049, True),
        ("K-S p_value", 0.05, 0.05, False),
        ("Wasserstein distance (normed)", 0.1, 0.1, True),
        ("Wasserstein distance (normed)", 0.1, 0.099, False),
        ("Jensen-Shannon distance", None, 0.9, False),
        ("Jensen-Shannon distance", 0.1, None, False),
    ],
)
def test_read_figures__one_column__is_judged_as_evidently_does(
    test: str, threshold: float | None, value: Any, is_drifted: bool
) -> None:
    [column] = read_figures({"metrics": [drift(test, threshold, value)]}).columns
    assert column.is_drifted is is_drifted


def test_read_figures__half_of_the_columns__is_drift_of_the_whole() -> None:
    count = {"config": {"type": f"{PREFIX}DriftedColumnsCount", "drift_share": 0.5}, "value": {}}
    metrics = [count, drift("psi", 0.1, 0.2), drift("psi", 0.1, 0.0)]
    figures = read_figures({"metrics": metrics})
    assert (figures.drifted, figures.share, figures.is_drifted) == (1, 0.5, True)
    assert not read_figures({"metrics": [*metrics, drift("psi", 0.1, 0.0)]}).is_drifted


def test_read_figures__of_nothing__is_no_drift() -> None:
    figures = read_figures({})
    assert (figures.columns, figures.is_drifted) == ((), False)
