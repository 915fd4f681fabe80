"""A small model that predicts at departure if a flight will arrive late."""

from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from drift_detector.demo.flights import LABEL, TIMESTAMP, ZONE

NUMERIC = ["dep_delay", "distance", "hour"]
CATEGORICAL = ["carrier", "origin", "day_of_week"]
FEATURES = [*NUMERIC, *CATEGORICAL]
OUTPUTS = ["prediction", "prediction_score"]
TRAINED_UNTIL = datetime(2013, 4, 1, tzinfo=ZONE)


def add_predictions(flights: pa.Table) -> pa.Table:
    """Train on January to March, then let the model judge the whole year.

    A logistic regression: with six features and 78,000 flights it cannot learn them by heart, so its scores on the
    months it was trained on are fit to be a baseline. The destination is left out because it has 105 values and adds
    nothing: trained on January and February, the area under the curve in March is 0.912 with it and 0.914 without.
    So is the weather. It would help a little (0.922), but all flights of an hour share one observation, so thousands
    of flights are few observations, and any one week's weather differs from a quarter's, January's included.

    Args:
        flights: As `label_flights` returns them.

    Returns:
        The same rows with `prediction_score`, the probability of a late arrival, and `prediction`, 1 from 0.5 on.
    """
    scores = _scores(flights)
    predictions = (scores >= 0.5).astype(np.int8)
    judged = flights.append_column("prediction", pa.array(predictions))
    return judged.append_column("prediction_score", pa.array(scores))


def _scores(flights: pa.Table) -> npt.NDArray[np.float64]:
    features, labels = flights.select(FEATURES).to_pandas(), flights[LABEL].to_numpy()
    is_training = _is_training(flights)
    model = _new_model().fit(features[is_training], labels[is_training])
    scores: npt.NDArray[np.float64] = model.predict_proba(features)[:, 1]
    return scores


def _is_training(flights: pa.Table) -> npt.NDArray[np.bool_]:
    departures = flights[TIMESTAMP]
    until = pa.scalar(TRAINED_UNTIL, departures.type)
    is_earlier: npt.NDArray[np.bool_] = pc.less(departures, until).to_numpy()
    return is_earlier


def _new_model() -> Any:
    # Importing scikit-learn takes a second, and only the first start of the demo needs it.
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoded = make_column_transformer(
        (StandardScaler(), NUMERIC), (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL)
    )
    return make_pipeline(encoded, LogisticRegression(max_iter=1000))
