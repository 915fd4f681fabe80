"""The rule of the simulated fleets is the one that the service keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.run_evidence import combined_p_value
from tests.calibration.fleet_bank import Runs
from tests.calibration.fleet_rules import combined

RUN = st.tuples(st.floats(1e-12, 1), st.booleans())


@given(st.lists(RUN, min_size=1, max_size=12))
def test_combined__any_rows_of_drifts__is_that_of_the_service(
    rows: list[tuple[float, bool]],
) -> None:
    p_values, drifted = (np.array(each).reshape(-1, 1) for each in zip(*rows, strict=True))
    runs = Runs(p_values=p_values.astype(float), drifted=drifted, flagged=drifted)
    found, row = combined(runs)[:, 0], list[float]()
    for p_value, is_drifted, each in zip(p_values[:, 0], drifted[:, 0], found, strict=True):
        row = [*row, p_value] if is_drifted else []
        if is_drifted:
            assert each == pytest.approx(combined_p_value(row))
