import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import roc_auc_score

from drift_detector.demo.flights import TIMESTAMP
from drift_detector.demo.model import FEATURES, OUTPUTS, TRAINED_UNTIL, add_predictions


@pytest.fixture(scope="session")
def unseen_flights(judged_flights: pa.Table) -> pa.Table:
    return judged_flights.filter(pc.field(TIMESTAMP) >= TRAINED_UNTIL)


def test_add_predictions__months_it_was_not_trained_on__ranks_late_flights_higher(
    unseen_flights: pa.Table,
) -> None:
    assert roc_auc_score(unseen_flights["label"], unseen_flights["prediction_score"]) > 0.89


def test_add_predictions__months_it_was_not_trained_on__beats_always_on_time(
    unseen_flights: pa.Table,
) -> None:
    label, prediction = (unseen_flights[name].to_numpy() for name in ("label", "prediction"))
    assert np.mean(label == prediction) > 0.89 > np.mean(label == 0)


def test_add_predictions__any_flight__prediction_follows_from_the_score(
    judged_flights: pa.Table,
) -> None:
    score, prediction = (
        judged_flights[name].to_numpy() for name in ("prediction_score", "prediction")
    )
    assert ((score >= 0) & (score <= 1)).all()
    assert ((score >= 0.5) == prediction).all()


def test_add_predictions__again__gives_the_same(
    labelled_flights: pa.Table, judged_flights: pa.Table
) -> None:
    assert add_predictions(labelled_flights).equals(judged_flights)


def test_add_predictions__later_labels__do_not_matter(
    labelled_flights: pa.Table, judged_flights: pa.Table
) -> None:
    is_later = pc.greater_equal(
        labelled_flights[TIMESTAMP], pa.scalar(TRAINED_UNTIL, pa.timestamp("us", "UTC"))
    )
    hidden = pc.if_else(is_later, pa.scalar(0, pa.int8()), labelled_flights["label"])
    index = labelled_flights.schema.get_field_index("label")
    judged = add_predictions(labelled_flights.set_column(index, "label", hidden))
    assert judged["prediction_score"].equals(judged_flights["prediction_score"])


def test_features__known_at_push_back__neither_outcome_nor_calendar() -> None:
    assert not {"label", "arr_delay", "week", "year", "month", "day", *OUTPUTS} & set(FEATURES)
