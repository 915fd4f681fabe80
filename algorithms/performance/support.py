"""Finds the evidence against estimates of a window: inputs that lie where the reference says little.

An estimate is `unsupported` if two things come together. The window's inputs differ from the reference's, by more than
the reference's own stretches do. And one of three holds: the rows of the reference that resemble the window err in the
mean; the estimate has moved away from the reference's own value; or a tenth of the window resembles no row of the
reference, which then says nothing of it. The limits were chosen on some sets, and are measured on others by
`tests.calibration`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .domain_classifier import DomainClassifier
from .estimates import Metric, MetricEstimate
from .estimation import LOSSES
from .reference_sample import Columns, ReferenceSample
from .score_calibration import ScoreCalibration
from .weighted_metrics import weighted_metrics

STRETCHES = 6
FEWEST_ROWS = 100
"""With fewer rows of a window nothing tells it from the reference."""
SMALLEST_SHIFT = 0.53
ERRORS_OF_CHANCE = 3.0
"""Standard errors: one window in a thousand is as far off by chance."""
WEIGHT_OF_MOVE = 0.2
MOST_RISK = 0.0025
MOST_UNLIKE = 0.1

type Values = Mapping[Metric, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The evidence against the estimates of a window.

    Attributes:
        shift: The share of pairs in which a classifier tells a row of the window from one of the reference.
        usual_shift: The largest share that is no evidence.
        gaps: By how much each metric of the reference's rows, weighted to resemble the window, differs from its
            estimate; of losses, as a share of the loss.
        moves: By how much the estimate differs from that of the reference; likewise.
        unlike: The share of the window's rows that hardly any row of the reference resembles.
    """

    shift: float
    usual_shift: float
    gaps: Mapping[Metric, float]
    moves: Mapping[Metric, float]
    unlike: float = 0.0

    @property
    def is_shifted(self) -> bool:
        """True if the inputs differ by more than is usual."""
        return self.shift > self.usual_shift

    def risk(self, metric: Metric) -> float:
        """The evidence against one estimate: it grows with the shift, and with what the reference says of it."""
        gap, move = abs(self.gaps.get(metric, 0.0)), abs(self.moves.get(metric, 0.0))
        return math.sqrt(max(self.shift - 0.5, 0.0)) * (gap + WEIGHT_OF_MOVE * move)

    def is_unsupported(self, metric: Metric) -> bool:
        """True if the estimate must not be believed."""
        return self.is_shifted and (self.unlike > MOST_UNLIKE or self.risk(metric) > MOST_RISK)

    def reason(self, metric: Metric) -> str:
        """The evidence in sentences."""
        return (
            f"The inputs differ from the reference's: a classifier tells a row of the window from one of the reference "
            f"in {self.shift:.0%} of pairs, and {self.usual_shift:.0%} is usual. {self._reference_says(metric)} "
            "Labels of some rows would tell."
        )

    def _reference_says(self, metric: Metric) -> str:
        """The evidence of the reference's rows about the window."""
        if self.unlike > MOST_UNLIKE:
            return (
                f"Hardly any row of the reference resembles {self.unlike:.0%} of the window's rows."
            )
        gap, unit = self.gaps.get(metric, 0.0), " of the loss" if metric in LOSSES else ""
        return (
            "Over the rows of the reference that resemble the window, labels give "
            f"{abs(gap):.3g}{unit} {'more' if gap > 0 else 'less'} than the estimate, which has moved by "
            f"{abs(self.moves.get(metric, 0.0)):.3g}{unit} from that of the reference."
        )


def usual_shift(sample: ReferenceSample, rows: int) -> float:
    """The largest shift that is no evidence, for a window with a number of rows.

    It is that of the reference's own stretches, two standard deviations above their mean, and at least what chance
    gives: the standard error is that of Mann and Whitney's statistic without ties.
    """
    known = sample.usual_shifts
    chance = math.sqrt((rows + sample.rows + 1) / (12 * rows * sample.rows))
    limits = [SMALLEST_SHIFT, 0.5 + ERRORS_OF_CHANCE * chance]
    if len(known) > 1:
        limits.append(float(known.mean() + 2 * known.std(ddof=1)))
    return max(limits)


def find_usual_shifts(columns: Columns) -> FloatArray:
    """The shift of each sixth of a reference's rows, which are in the order of time, against the other rows."""
    parts = np.array_split(columns, STRETCHES)
    if len(parts[-1]) < FEWEST_ROWS:
        return np.empty(0)
    others = (np.concatenate(parts[:place] + parts[place + 1 :]) for place in range(STRETCHES))
    pairs = zip(others, parts, strict=True)
    return np.array([DomainClassifier.fit(rest, part).shift for rest, part in pairs])


def examine(
    sample: ReferenceSample,
    window: Columns,
    estimates: Mapping[Metric, MetricEstimate],
    calibration: ScoreCalibration | None = None,
) -> Support | None:
    """The evidence against the estimates of a window; None if it has too few rows.

    Args:
        sample: Of the reference.
        window: Shape (m, d + 1), the same columns of the window's rows.
        estimates: Of the window.
        calibration: What the estimates come from that need scores.
    """
    if len(window) < FEWEST_ROWS:
        return None
    domain = DomainClassifier.fit(sample.columns, window)
    gaps, moves = dict[Metric, float](), dict[Metric, float]()
    for usual, expected, realised in _compared(sample, domain.weights, calibration):
        gaps |= _differences(realised, expected, usual, estimates)
        moves |= _differences(_values(estimates), usual, usual, estimates)
    return Support(
        shift=domain.shift,
        usual_shift=usual_shift(sample, len(window)),
        gaps=gaps,
        moves=moves,
        unlike=domain.unlike,
    )


def _compared(
    sample: ReferenceSample, weights: FloatArray, calibration: ScoreCalibration | None
) -> Iterator[tuple[Values, Values, Values]]:
    """Metrics of the sample: expected, expected with weights, and realised with weights."""
    evenly = np.ones(sample.rows)
    if sample.losses is not None:
        error, absolute, squared = (
            sample.losses.error,
            sample.losses.absolute,
            sample.losses.squared,
        )
        yield (
            _losses(absolute, squared, evenly),
            _losses(absolute, squared, weights),
            _losses(error, error**2, weights),
        )
    if sample.scores is not None and calibration is not None:
        given = sample.scores
        rows = given.score, given.is_predicted > 0
        chance = calibration.calibrate(given.score)
        yield (
            weighted_metrics(*rows, chance, evenly),
            weighted_metrics(*rows, chance, weights),
            weighted_metrics(*rows, given.is_positive, weights),
        )


def _losses(absolute: FloatArray, squared: FloatArray, weights: FloatArray) -> Values:
    """Mean losses over weighted rows."""
    return {
        Metric.MAE: float(np.average(absolute, weights=weights)),
        Metric.RMSE: float(np.average(squared, weights=weights)) ** 0.5,
    }


def _values(estimates: Mapping[Metric, MetricEstimate]) -> Values:
    return {metric: each.value for metric, each in estimates.items()}


def _differences(
    found: Values, expected: Values, usual: Values, wanted: Iterable[Metric]
) -> dict[Metric, float]:
    """The wanted metrics that both have, one less the other; of losses as a share of the usual one."""
    differences = dict[Metric, float]()
    for metric in wanted:
        one, other = found.get(metric), expected.get(metric)
        if one is not None and other is not None:
            unit = usual.get(metric) if metric in LOSSES else 1.0
            differences[metric] = (one - other) / (unit or 1.0)
    return differences
