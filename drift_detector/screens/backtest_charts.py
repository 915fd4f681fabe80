"""Draws a backtest: a row for the windows themselves, and one for each feature that drifted in either of two."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from algorithms.charts.heat_map import HeatCell, HeatRow, heat_map
from algorithms.charts.number_words import number
from algorithms.charts.svg import Markup
from detections.slice_words import record_in_words
from drift_detector.formats import stored_number
from drift_detector.screens.templatetags.drift import window_text

MOST_FEATURES = 15
WHOLE = "the window"
"""The first row: what a window as a whole was judged to be."""
FAR = 1.5
"""A drifted cell's shade; a record of a backtest holds no tolerance to measure by."""

type Record = Mapping[str, Any]


def by_tick(windows: Sequence[Record]) -> dict[str, Record]:
    """The records of a backtest by their ticks."""
    return {window["scheduled_for"]: window for window in windows}


def drifted_features(*backtests: Sequence[Record]) -> list[str]:
    """The features that drifted, those with the most windows first."""
    windows = [window for backtest in backtests for window in backtest]
    counts = Counter(feature for window in windows for feature in _effects(window))
    return [feature for feature, _ in counts.most_common(MOST_FEATURES)]


def backtest_map(
    windows: Mapping[str, Record],
    ticks: Sequence[str],
    features: Sequence[str],
    zone: ZoneInfo,
    label: str,
) -> Markup:
    """The heat map of one backtest over some ticks; a tick that it has not judged is a gap."""
    chosen = [windows.get(tick) for tick in ticks]
    rows = [HeatRow(WHOLE, [_whole(window, zone) for window in chosen])]
    for name in features:
        rows.append(HeatRow(name, [_cell(window, name, zone) for window in chosen]))
    columns = [f"{datetime.fromisoformat(tick).astimezone(zone):%m-%d}" for tick in ticks]
    return heat_map(rows, columns, label=label)


def _whole(window: Record | None, zone: ZoneInfo) -> HeatCell:
    if window is None:
        return HeatCell(None, None, "")
    drifted = ", ".join(_effects(window))
    reason = drifted or window["reason"]
    words = f": {reason}" if reason else ""
    title = f"{times_of(window, zone)}: {window['verdict'].replace('_', ' ')}{words}"
    return HeatCell(_ratio(window["verdict"]), window["verdict"], title)


def _cell(window: Record | None, feature: str, zone: ZoneInfo) -> HeatCell:
    if window is None:
        return HeatCell(None, None, "")
    effect = _effects(window).get(feature)
    if effect is not None:
        title = f"{feature}, {times_of(window, zone)}: drift, {effect}"
        return HeatCell(FAR, "drift", title)
    verdict = "ok" if window["verdict"] in ("ok", "drift") else window["verdict"]
    return HeatCell(
        0.0, verdict, f"{feature}, {times_of(window, zone)}: {verdict.replace('_', ' ')}"
    )


def _ratio(verdict: str) -> float:
    return FAR if verdict == "drift" else 0.0


def _effects(window: Record) -> dict[str, str]:
    """The drifted features of a window, each with its methods and effects."""
    found: dict[str, list[str]] = {}
    for each in window["drifted_features"]:
        words = f"{each['method']} {number(stored_number(each['effect_size']))}"
        found.setdefault(record_in_words(each) or WHOLE, []).append(words)
    return {feature: ", ".join(words) for feature, words in found.items() if feature != WHOLE}


def times_of(window: Record, zone: ZoneInfo) -> str:
    """A record's window in words."""
    start, end = (
        datetime.fromisoformat(window[name]).astimezone(zone)
        for name in ("window_start", "window_end")
    )
    return window_text(start, end)


def features_in_words(window: Record) -> str:
    """The drifted features of a record."""
    return ", ".join(_effects(window)) or "–"
