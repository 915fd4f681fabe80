"""Writes pictures and scores as compressed JSON, and reads them again with the baseline's frame.

JSON with zlib: measured against zstd, and against arrays of 16-bit shares and 32-bit quantiles, it is
the smallest for runs of few features and never more than a tenth larger for many.
"""

import json
import math
import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .kernels.picture_cells import SHARE_UNITS
from .method_results import FeatureDetail, MethodResult, Reference
from .methods import Method
from .pictures import QUANTILES, Drawing, Drawn, Frame, Frames, NumericFrame, rate
from .verdicts import Verdict

LEVEL = 6
"""Of zlib: 9 is 1 % smaller and takes twice the time."""
DIGITS = 4
"""Significant digits of a statistic, an effect and a tolerance."""
FORMAT = f"%.{DIGITS}g,"
VERDICTS = {verdict[0]: verdict for verdict in Verdict}
"""By their first letters, which stand for them."""
NO_NUMBER = re.compile("-?(nan|inf)")
NOT_DRAWN: Drawn = b"null"
FIRST_SHARE = 4
"""The place of the first share of a numeric picture: after rows, missing rows, rows below and above."""
FIRST_CATEGORY = 5
"""Likewise of categories: after rows, nulls, rows and names of new ones, and the share of others."""

type Read = list[Any]
"""A picture as it is read from its text."""
type Shown = dict[str, Any]
"""A record of JSON values with names, as the API shows it."""


def pack(content: Any) -> bytes:
    """JSON values as compressed bytes."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _compress(text.encode(errors="replace"))


def pack_pictures(drawing: Drawing) -> bytes:
    """The pictures of a window, in the order of the baseline's features, as compressed JSON."""
    drawn = [drawing.drawn.get(name, NOT_DRAWN) for name in drawing.frames]
    return _compress(b"[" + b",".join(drawn) + b"]")


def _compress(text: bytes) -> bytes:
    return zlib.compress(text, LEVEL)


def unpack(data: bytes) -> Any:
    """The JSON values that `pack` wrote."""
    return json.loads(zlib.decompress(data))


def frames_to_json(frames: Frames, sensitive: Collection[str]) -> list[Shown]:
    """The baseline's frames: names, edges and the reference's figures; shares alone where sensitive."""
    return [_frame_to_json(name, frame, name in sensitive) for name, frame in frames.items()]


def _frame_to_json(name: str, frame: Frame, is_sensitive: bool) -> Shown:
    about: Shown = {"name": name, "kind": frame.kind.value, "nulls": frame.nulls}
    about["shares"] = list(frame.shares)
    if isinstance(frame, NumericFrame):
        return about if is_sensitive else about | _values_of(frame)
    about["other"] = frame.other
    return about if is_sensitive else about | {"names": list(frame.names)}


def _values_of(frame: NumericFrame) -> Shown:
    return {
        "edges": list(frame.edges),
        "usual": list(frame.usual),
        "step": frame.step,
        "origin": frame.origin,
    }


def show_feature(frame: Shown, drawn: Read | None, *, is_sensitive: bool) -> Shown:
    """A feature's picture with its reference beside it.

    Args:
        frame: As `frames_to_json` wrote it.
        drawn: As it was drawn, read; None if it is not there.
        is_sensitive: True to leave out all values, also those that were kept before.
    """
    is_numeric = frame["kind"] == "numeric"
    shown: Shown = {
        "feature": frame["name"],
        "kind": frame["kind"],
        "is_sensitive": is_sensitive or ("edges" not in frame and "names" not in frame),
        "reason": _reason(drawn, is_sensitive=is_sensitive),
        "null_rate": {"reference": frame["nulls"], "current": None},
    }
    read = drawn if drawn is not None and len(drawn) > 1 else None
    if read is not None:
        shown["null_rate"]["current"] = rate(read[1], read[0] + read[1])
    shown["rows"] = read[0] if read else None
    parts = _numeric_parts if is_numeric else _category_parts
    return shown | parts(frame, read, is_sensitive=shown["is_sensitive"])


def show_drawing(drawing: Drawing) -> list[Shown]:
    """The pictures of a window that has just been judged, with their references beside them."""
    frames = frames_to_json(drawing.frames, drawing.sensitive)
    pictures = unpack(pack_pictures(drawing))
    return [
        show_feature(frame, drawn, is_sensitive=frame["name"] in drawing.sensitive)
        for frame, drawn in zip(frames, pictures, strict=True)
    ]


def _reason(drawn: Read | None, *, is_sensitive: bool) -> str:
    if drawn is None or len(drawn) > 1:
        return ""
    return "The column could not be read." if is_sensitive or not drawn else str(drawn[0])


def _numeric_parts(frame: Shown, drawn: Read | None, *, is_sensitive: bool) -> Shown:
    return {
        "edges": None if is_sensitive else [with_origin(frame, edge) for edge in frame["edges"]],
        "shares": {
            "reference": _as_shares(frame["shares"]),
            "current": _as_shares(_current_shares(frame, drawn, FIRST_SHARE)),
        },
        "below": rate(drawn[2], drawn[0]) if drawn else None,
        "above": rate(drawn[3], drawn[0]) if drawn else None,
        "quantiles": None if is_sensitive else quantiles_of(frame, drawn),
        "categories": None,
    }


def _current_shares(frame: Shown, drawn: Read | None, first: int) -> list[int] | None:
    """The shares of a picture, of which there are as many as in the frame."""
    return None if drawn is None else drawn[first : first + len(frame["shares"])]


def quantiles_of(frame: Shown, drawn: Read | None) -> list[Shown]:
    """The least value, the quantiles and the greatest value of both windows."""
    levels: list[float] = [0.0, *QUANTILES, 1.0]
    steps = drawn[FIRST_SHARE + len(frame["shares"]) :] if drawn else []
    usual, found = _in_order(frame["usual"]), _in_order(steps or [None] * len(levels))
    return [
        {
            "level": level,
            "reference": with_origin(frame, base),
            "current": with_origin(frame, _value(base, steps, frame["step"])),
        }
        for level, base, steps in zip(levels, usual, found, strict=True)
    ]


def _in_order[T](values: Sequence[T]) -> list[T]:
    """Quantiles that are followed by both ends, with the ends around them."""
    *quantiles, low, high = values
    return [low, *quantiles, high]


def _value(base: float | None, steps: float | None, step: float) -> float | None:
    return None if steps is None else (base or 0.0) + steps * step


def with_origin(frame: Shown, value: float | None) -> float | None:
    """A value of a numeric feature as people know it; a whole number where floats are too coarse."""
    if value is None or frame.get("origin") is None:
        return value
    return int(frame["origin"]) + round(value)


def _category_parts(frame: Shown, drawn: Read | None, *, is_sensitive: bool) -> Shown:
    return {
        "edges": None,
        "shares": {
            "reference": _as_shares(frame["shares"]),
            "current": _as_shares(_current_shares(frame, drawn, FIRST_CATEGORY)),
        },
        "below": None,
        "above": None,
        "quantiles": None,
        "categories": _categories(frame, drawn, is_sensitive=is_sensitive),
    }


def _categories(frame: Shown, drawn: Read | None, *, is_sensitive: bool) -> Shown:
    """The categories of a picture, but for the shares of those that the frame names."""
    unknown: list[Any] = [None] * FIRST_CATEGORY
    rows, _, new_rows, new_names, other = drawn[:FIRST_CATEGORY] if drawn else unknown
    named = drawn[FIRST_CATEGORY + len(frame["shares"]) :] if drawn and not is_sensitive else []
    examples, risen = named or ([], [])
    return {
        "names": None if is_sensitive else frame["names"],
        "other": {"reference": _as_share(frame["other"]), "current": _as_share(other)},
        "new": {
            "share": None if rows is None else rate(new_rows or 0, rows),
            "count": new_names,
            "examples": [_example(*each) for each in examples],
        },
        "risen": [_risen(*each) for each in risen],
    }


def _example(name: str, now: int) -> Shown:
    return {"name": name, "current": _as_share(now)}


def _risen(name: str, usual: int, now: int) -> Shown:
    return {"name": name, "reference": _as_share(usual), "current": _as_share(now)}


def _as_shares(units: Iterable[int] | None) -> list[float] | None:
    return None if units is None else [each / SHARE_UNITS for each in units]


def _as_share(units: int | None) -> float | None:
    return None if units is None else units / SHARE_UNITS


def pack_scores(methods: Iterable[MethodResult], features: Sequence[str]) -> bytes:
    """The finding of each method on each feature, beside the baseline, as compressed JSON.

    The text is put together here, as numbers of a few digits are written twice as fast this way.

    Args:
        methods: The method results of a run.
        features: The features of the baseline, whose places stand for their names.
    """
    places = {name: str(place) for place, name in enumerate(features)}
    texts = [
        f'"{each.method.value}":{_scores_of(each.details, places)}'
        for each in methods
        if each.reference is Reference.BASELINE and isinstance(each.method, Method)
    ]
    return _compress(f"{{{','.join(texts)}}}".encode(errors="replace"))


def _scores_of(details: Sequence[FeatureDetail], places: Mapping[str, str]) -> str:
    """Features, verdicts, statistics, effects and tolerances, each as a list, or once if all are alike."""
    names = ",".join([places.get(each.feature) or json.dumps(each.feature) for each in details])
    letters = "".join([each.verdict[0] for each in details])
    statistics = _numbers([each.statistic for each in details])
    effects = _numbers([each.effect_size for each in details])
    tolerances = _numbers([each.tolerance for each in details])
    return f'[[{names}],"{letters}",{statistics},{effects},{tolerances}]'


def _numbers(values: Sequence[float | None]) -> str:
    """Numbers of JSON with a few digits; null for what is none."""
    if not values:
        return "[]"
    if len(set(values)) == 1:
        return _written(values[:1])
    return f"[{_written(values)}]"


def _written(values: Sequence[float | None]) -> str:
    known = tuple([math.nan if value is None else value for value in values])
    text = (FORMAT * len(known) % known)[:-1]
    return NO_NUMBER.sub("null", text) if "n" in text else text


def show_scores(scores: Shown, features: Sequence[str]) -> list[Shown]:
    """A record for each method and feature, with the effect as a multiple of the tolerance."""
    shown: list[Shown] = []
    for method, (names, verdicts, *numbers) in scores.items():
        columns = [each if isinstance(each, list) else [each] * len(names) for each in numbers]
        rows = zip(names, verdicts, *columns, strict=True)
        shown += [_score(method, features, *row) for row in rows]
    return shown


def _score(
    method: str,
    features: Sequence[str],
    name: int | str,
    letter: str,
    statistic: float | None,
    effect: float | None,
    tolerance: float | None,
) -> Shown:
    return {
        "feature": features[name] if isinstance(name, int) else name,
        "method": method,
        "verdict": VERDICTS[letter].value,
        "statistic": statistic,
        "effect_size": effect,
        "tolerance": tolerance,
        "effect_ratio": None if effect is None or not tolerance else effect / tolerance,
    }
