"""Detectors of change: how often they cry wolf, and how long they take, by simulation and on real errors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow.compute as pc
from scipy.stats import norm

from algorithms.arrays import FloatArray
from algorithms.concept_drift.averaging import Averaging
from algorithms.concept_drift.detector import Detector
from algorithms.concept_drift.detector_registry import (
    DETECTORS,
    ConceptMethod,
    new_detector,
)
from drift_detector.demo.flights import LABEL, TIMESTAMP, label_flights, read_flights
from drift_detector.demo.model import TRAINED_UNTIL, add_predictions

RATES = (0.01, 0.05, 0.1, 0.2, 0.4)
CHANGES = ((0.01, 0.02), (0.01, 0.03), (0.05, 0.1), (0.1, 0.15), (0.1, 0.2), (0.2, 0.3), (0.4, 0.5))
STEPS = (0.5, 1.0, 2.0)
LENGTH = 100_000
BEFORE, AFTER = 5000, 20_000
MEANS_BEFORE, MEANS_AFTER = 60, 500

type Make = Callable[[], Detector]
type Draw = Callable[[np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Contender:
    """A detector with its settings, and what they are called."""

    method: ConceptMethod
    settings: str
    make: Make


def contenders() -> list[Contender]:
    """Each detector as it is calibrated, and, where river has it, with river's defaults."""
    calibrated = [
        Contender(method, "calibrated", partial(new_detector, method)) for method in ConceptMethod
    ]
    rivers = [
        Contender(method, "river's defaults", DETECTORS[method].detector)
        for method in ConceptMethod
        if DETECTORS[method].is_in_river
    ]
    return [*calibrated, *rivers]


def false_alarm_rows(streams: int, seed: int = 10) -> Iterator[list[str]]:
    """Alarms per 10,000 observations of a constant error rate."""
    for each in contenders():
        cells = []
        for rate in RATES:
            random = np.random.default_rng(seed)
            alarms = sum(
                len(each.make().update_many(bernoulli(random, rate, LENGTH)).drift)
                for _ in range(streams)
            )
            cells.append(f"{alarms / (streams * LENGTH) * 1e4:.3f}")
        yield [each.method, each.settings, *cells]


def delay_rows(draws: int, seed: int = 11) -> Iterator[list[str]]:
    """Observations from a rise of the rate to the alarm."""
    for each in contenders():
        for before, after in CHANGES:
            delays = [
                delay(
                    each.make(),
                    np.concatenate([bernoulli(r, before, BEFORE), bernoulli(r, after, AFTER)]),
                    BEFORE,
                )
                for r in np.random.default_rng(seed).spawn(draws)
            ]
            yield [each.method, each.settings, f"{before:g} → {after:g}", *summary(delays)]


def means_rows(draws: int, seed: int = 12) -> Iterator[list[str]]:
    """The same for standardised means: alarms without a step, and delays after one, in means."""
    for method in (ConceptMethod.PAGE_HINKLEY, ConceptMethod.ADWIN, ConceptMethod.E_PROCESS):
        chosen: Mapping[str, Any] = DETECTORS[method].calibrated_for_means or {}
        show = norm.cdf if method is ConceptMethod.E_PROCESS else np.asarray
        random = np.random.default_rng(seed)
        quiet = [
            len(new_detector(method, chosen).update_many(show(random.normal(size=LENGTH))).drift)
            for _ in range(5)
        ]
        cells = [f"{sum(quiet) / (5 * LENGTH) * 1e4:.1f}"]
        for step in STEPS:
            shifts = np.repeat([0.0, step], [MEANS_BEFORE, MEANS_AFTER])
            delays = [
                delay(
                    new_detector(method, chosen),
                    show(random.normal(size=len(shifts)) + shifts),
                    MEANS_BEFORE,
                )
                for _ in range(draws)
            ]
            cells.append(" / ".join(summary(delays)[1:3]))
        yield [method, *cells]


def flights_rows() -> Iterator[list[str]]:
    """Alarms on the errors of the demo's model from April to December, one by one and as means of a thousand."""
    errors, is_reference = flight_errors()
    for each in contenders()[: len(ConceptMethod)]:
        found = each.make().update_many(errors[~is_reference])
        yield [each.method, "each error", str(len(found.drift))]
    averaging = Averaging(each=1000)
    averaging.learn(errors[is_reference])
    shown = averaging.take(errors[~is_reference])
    for method in (ConceptMethod.PAGE_HINKLEY, ConceptMethod.ADWIN, ConceptMethod.E_PROCESS):
        detector = new_detector(method, DETECTORS[method].calibrated_for_means or {})
        yield [
            method,
            "means of 1,000",
            str(len(detector.update_many(shown.shown_to(detector)).drift)),
        ]


@cache
def flight_errors() -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Whether the model was wrong about each flight, and whether the flight is of the months it was trained on."""
    flights = add_predictions(label_flights(read_flights()))
    wrong = pc.not_equal(flights["prediction"], flights[LABEL]).to_numpy().astype(np.float64)
    times = flights[TIMESTAMP].to_numpy()
    return wrong, times < np.datetime64(TRAINED_UNTIL.astimezone().replace(tzinfo=None))


def bernoulli(random: np.random.Generator, rate: float, size: int) -> FloatArray:
    return (random.random(size) < rate).astype(np.float64)


def delay(detector: Detector, stream: FloatArray, begins: int) -> float:
    """Observations from the change to the first alarm after it; infinite without one."""
    drifts = detector.update_many(stream).drift
    later = drifts[drifts >= begins]
    return float(later[0] - begins + 1) if len(later) else np.inf


def summary(delays: list[float]) -> list[str]:
    """Mean, median and 90th percentile of the delays, and the share without an alarm."""
    found = [each for each in delays if np.isfinite(each)]
    mean = f"{np.mean(found):,.0f}" if found else "–"
    quantiles = [np.quantile(delays, share, method="higher") for share in (0.5, 0.9)]
    texts = [f"{each:,.0f}" if np.isfinite(each) else "–" for each in quantiles]
    return [mean, *texts, f"{1 - len(found) / len(delays):.0%}"]
