"""The fields of a monitor that have a form of their own, with the JSON Schema of what their checks take."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from algorithms.columns import FeatureKind
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod
from algorithms.methods import Method
from algorithms.performance import Metric
from algorithms.slices.condition_tokens import LONGEST_CONDITION
from algorithms.slices.slice_forms import LONGEST_SLICE_NAME, MOST_SLICES
from drift_detector.api.fields import TextField
from monitors.models import MOST_RUNS_OF_EPISODE
from monitors.sources.csv_dialect import DELIMITERS, QUOTES
from monitors.time_references.reference_checks import LONGEST_CALENDAR, entries_schema
from monitors.validators import (
    HIGHEST_IMPORTANCE,
    HIGHEST_THRESHOLD,
    HIGHEST_TOLERANCE,
    LEAST_LIMIT,
    OPENING_SEVERITIES,
    WAYS_TO_LIMIT,
)

METHODS = [method.value for method in Method]
DETECTOR_NAMES = [method.value for method in ConceptMethod]
KINDS = [kind.value for kind in FeatureKind]
ENCODINGS = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "latin-1"),
    *("iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15"),
    *("cp437", "cp850", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "koi8-r", "mac-roman"),
    *("shift_jis", "euc-jp", "euc-kr", "gb18030", "big5"),
)
"""Names of encodings in use; their aliases are accepted too."""
METRICS = [metric.value for metric in Metric]
JSON_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number"}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _map_to(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": dict(values)}


def _list_of(names: list[str], **further: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": names}, **further}


def _up_to(highest: float) -> dict[str, Any]:
    return {"type": "number", "minimum": LEAST_LIMIT, "maximum": highest}


def _limit(highest: float) -> dict[str, Any]:
    number = _up_to(highest)
    by_feature = _object({"default": number, "features": _map_to(number)})
    return {"oneOf": [number, by_feature]}


def _limits(highest: Mapping[str, float]) -> dict[str, Any]:
    return _object({method: _limit(most) for method, most in highest.items()})


def _one_way(way: str) -> dict[str, Any]:
    relative = {"minimum": 0, "exclusiveMinimum": True} if way == "relative" else {}
    return _object({way: {"type": "number", **relative}}) | {"required": [way]}


def _metric_limits() -> dict[str, Any]:
    ways = [_one_way(way) for way in sorted(WAYS_TO_LIMIT)]
    return _object({metric: {"oneOf": ways} for metric in METRICS})


def _settings_of(method: ConceptMethod) -> dict[str, Any]:
    defaults = DETECTORS[method].setting_defaults()
    return _object({name: _setting(default) for name, default in defaults.items()})


def _setting(default: Any) -> dict[str, Any]:
    kind = JSON_TYPES.get(type(default))
    return {"type": kind} if kind else {}


def _detector_settings() -> dict[str, Any]:
    return _object({method.value: _settings_of(method) for method in ConceptMethod})


def _open_after() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 1, "maximum": MOST_RUNS_OF_EPISODE}
    rule = _object({"runs": number, "of": number}) | {"required": ["runs", "of"]}
    return _object(dict.fromkeys(OPENING_SEVERITIES, rule))


def _dialects() -> list[dict[str, Any]]:
    """A dialect with decimal points; and one with decimal commas, which needs another delimiter."""
    others = [delimiter for delimiter in DELIMITERS if delimiter != ","]
    points = _dialect(tuple(DELIMITERS), ".")
    commas = _dialect(others, ",") | {"required": ["delimiter", "decimal"]}
    return [points, commas]


def _dialect(delimiters: Sequence[str], decimal: str) -> dict[str, Any]:
    values = {
        "delimiter": delimiters,
        "decimal": [decimal],
        "encoding": ENCODINGS,
        "quote": QUOTES,
    }
    return _object({name: {"type": "string", "enum": [*each]} for name, each in values.items()})


def _slice() -> dict[str, Any]:
    texts = {
        "name": {"type": "string", "minLength": 1, "maxLength": LONGEST_SLICE_NAME},
        "where": _text("slice-condition", LONGEST_CONDITION, "carrier = 'UA' and distance > 1000"),
    }
    return _object(texts) | {"required": ["name", "where"]}


def _text(text_format: str, longest: int, example: str) -> dict[str, Any]:
    return {
        "type": "string",
        "format": text_format,
        "minLength": 1,
        "maxLength": longest,
        "example": example,
    }


@extend_schema_field(_text("data-location", 1000, "/data/flights"))
class LocationField(TextField):
    """A file, a folder or a pattern of files, or a prefix of an object store."""


@extend_schema_field(_text("cron", 200, "0 6 * * *"))
class CronField(TextField):
    """A cron expression of five fields."""


@extend_schema_field(_text("time-zone", 64, "Europe/Berlin"))
class ZoneField(TextField):
    """A time zone of the IANA database."""


@extend_schema_field({"type": "object", "oneOf": _dialects()})
class CsvDialectField(serializers.DictField):
    """The dialect of CSV files."""


@extend_schema_field(_list_of(METHODS, minItems=1))
class MethodsField(serializers.ListField):
    """Names of methods."""


@extend_schema_field(_list_of(DETECTOR_NAMES))
class DetectorsField(serializers.ListField):
    """Names of detectors."""


@extend_schema_field(_limits(HIGHEST_THRESHOLD))
class ThresholdsField(serializers.DictField):
    """A threshold, or one by feature, of each method."""


@extend_schema_field(_limits(HIGHEST_TOLERANCE))
class TolerancesField(serializers.DictField):
    """A tolerance, or one by feature, of each method."""


@extend_schema_field({"type": "array", "items": _slice(), "maxItems": MOST_SLICES})
class SlicesField(serializers.ListField):
    """Slices, each with its name and condition."""


@extend_schema_field(entries_schema())
class ReferencesField(serializers.ListField):
    """References in time, each with its kind and settings."""


@extend_schema_field(
    {
        "type": "string",
        "format": "holiday-calendar",
        "minLength": 1,
        "maxLength": LONGEST_CALENDAR,
        "example": "US-CA",
    }
)
class CalendarField(TextField):
    """A country or a part of one; empty for none."""


@extend_schema_field(_map_to({"type": "string", "enum": KINDS}))
class KindsField(serializers.DictField):
    """A kind of each column."""


@extend_schema_field(_map_to(_up_to(HIGHEST_IMPORTANCE)))
class ImportancesField(serializers.DictField):
    """A number of each feature."""


@extend_schema_field(_metric_limits())
class PerformanceLimitsField(serializers.DictField):
    """A limit of each metric."""


@extend_schema_field(_open_after())
class OpenAfterField(serializers.DictField):
    """The drifted runs that open an alert, by severity."""


@extend_schema_field(_detector_settings())
class DetectorSettingsField(serializers.DictField):
    """Settings of each detector."""
