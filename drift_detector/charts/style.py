"""The style of charts, for documents that stand alone."""

from functools import cache
from importlib.resources import files


@cache
def charts_style() -> str:
    """The rules of `charts.css`."""
    return files("drift_detector.charts").joinpath("charts.css").read_text()
