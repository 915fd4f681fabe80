import pyarrow as pa
import pytest

from drift_detector.demo.flights import label_flights, read_flights
from drift_detector.demo.model import add_predictions


@pytest.fixture(scope="session")
def raw_flights() -> pa.Table:
    return read_flights()


@pytest.fixture(scope="session")
def labelled_flights(raw_flights: pa.Table) -> pa.Table:
    return label_flights(raw_flights)


@pytest.fixture(scope="session")
def judged_flights(labelled_flights: pa.Table) -> pa.Table:
    return add_predictions(labelled_flights)
