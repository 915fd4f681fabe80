import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from algorithms.baseline import FeatureKind
from algorithms.errors import InsufficientData, MissingColumn, UnusableColumn
from algorithms.methods import FEATURE_METHODS, Method
from algorithms.plan import EvaluationPlan, Policy, default_methods
from detections.one_shot.compare import Comparison, ComparisonRequest, FailOn, compare
from detections.one_shot.renderers import RENDERERS
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Monitor
from monitors.slice_checks import check_not_sensitive
from monitors.sources import CsvDialect, SourceError
from monitors.sources.local_times import UTC_ZONE, moment_of
from monitors.validators import check_data_timezone, check_slices

UNREADABLE = 2
LOCATION = "Parquet, CSV or Arrow: a file, folder, pattern or URI"
START = "of the current window, inclusive"
TIMEZONE = "of times that have none, in the data and in --start and --end; default: UTC"
DELIMITER = "one character, or \\t; default: a tab in .tsv, else a comma"
NULL_VALUE = "a word that stands for a missing value in any column; may be given again"
COLUMNS = "these columns only; a column whose name holds commas goes first; may be given again"
SLICE = "judge these rows beside the whole, such as \"United=carrier = 'UA'\"; may be given again"
FAIL_ON = "exit with 1 on drift alone, or on warnings too, or on features too that can't be judged; or never"
NAMED_METHODS = (*FEATURE_METHODS, Method.SCHEMA)
METHODS = f"of {', '.join(NAMED_METHODS)}; default: {','.join(default_methods())}"


class Command(BaseCommand):
    help = "Compare two datasets once, without a server: exit code 1 on drift, 2 when they can't be compared."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        _add_data(parser)
        _add_columns(parser)
        _add_dialect(parser)
        _add_judgement(parser)
        parser.add_argument("--format", choices=list(RENDERERS), default="table")
        parser.add_argument(
            "--fail-on", type=FailOn, choices=list(FailOn), default=FailOn.DRIFT, help=FAIL_ON
        )

    def handle(self, *args: Any, **options: Any) -> None:
        comparison = _compare(_request(options))
        self.stdout.write(RENDERERS[options["format"]](comparison))
        if comparison.fails(options["fail_on"]):
            sys.exit(1)


def _add_data(parser: ArgumentParser) -> None:
    parser.add_argument("reference", type=_location, help=LOCATION)
    parser.add_argument("current", type=_location, help="what is compared with it, likewise")
    parser.add_argument(
        "--timestamp-column", default="", help="is no feature; --start and --end refer to it"
    )
    parser.add_argument("--start", type=_instant, help=START)
    parser.add_argument("--end", type=_instant, help="of the current window, exclusive")
    parser.add_argument("--timezone", type=_zone, default=UTC_ZONE, metavar="ZONE", help=TIMEZONE)


def _add_dialect(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("CSV", "how the CSV files of both sides are written")
    group.add_argument("--delimiter", type=_delimiter, help=DELIMITER)
    group.add_argument("--decimal", default=".", help="the decimal point of numbers: . or ,")
    group.add_argument("--encoding", default="utf-8", help="such as latin-1 or utf-16-le")
    group.add_argument("--quote", default='"', help="around values; empty for none")
    group.add_argument("--null-value", action="append", default=[], metavar="WORD", help=NULL_VALUE)


def _add_columns(parser: ArgumentParser) -> None:
    one_column: dict[str, Any] = {"action": "append", "default": [], "metavar": "COLUMN"}
    parser.add_argument(
        "--columns", type=_column_list, metavar="A,B", help=COLUMNS, action="append", default=[]
    )
    parser.add_argument("--categorical", help="compare by name", **one_column)
    parser.add_argument("--numeric", help="compare by order", **one_column)
    parser.add_argument("--sensitive", help="show no value of it", **one_column)


def _add_judgement(parser: ArgumentParser) -> None:
    parser.add_argument("--methods", type=_methods, default=None, metavar="KS,PSI", help=METHODS)
    parser.add_argument("--policy", choices=Policy, type=Policy, default=Policy.EVIDENCE_AND_EFFECT)
    parser.add_argument(
        "--slice", type=_slice, action="append", default=[], metavar="NAME=WHERE", help=SLICE
    )
    parser.add_argument(
        "--min-rows", type=_positive, default=settings.ENV.min_rows, help="that a verdict takes"
    )


def _compare(request: ComparisonRequest) -> Comparison:
    try:
        return compare(request)
    except ValidationError as error:
        raise _unreadable(" ".join(error.messages)) from error
    except (SourceError, InsufficientData, MissingColumn, UnusableColumn) as error:
        raise _unreadable(str(error)) from error


def _unreadable(reason: str) -> CommandError:
    return CommandError(reason, returncode=UNREADABLE)


def _request(options: dict[str, Any]) -> ComparisonRequest:
    _check_window(options)
    return ComparisonRequest(
        reference=options["reference"],
        current=options["current"],
        plan=_plan(options),
        columns=tuple(options["columns"]),
        kinds=_kinds(options),
        timestamp_column=options["timestamp_column"],
        start=_bound(options, "start"),
        end=_bound(options, "end"),
        dialect=_dialect(options),
        zone=options["timezone"],
        slices=_slices(options),
    )


def _dialect(options: dict[str, Any]) -> CsvDialect:
    try:
        return CsvDialect(
            delimiter=options["delimiter"],
            decimal=options["decimal"],
            encoding=options["encoding"],
            quote=options["quote"],
            null_values=tuple(options["null_value"]),
        )
    except ValueError as error:
        raise _unreadable(f"--{error}.") from error


def _check_window(options: dict[str, Any]) -> None:
    start, end = _bound(options, "start"), _bound(options, "end")
    if (start or end) and not options["timestamp_column"]:
        raise _unreadable("--start and --end need --timestamp-column.")
    if start and end and end <= start:
        raise _unreadable("--end must be after --start.")


def _bound(options: dict[str, Any], name: str) -> datetime | None:
    """A bound of the window; one without a zone is a time in the zone of the data."""
    bound: datetime | None = options[name]
    if bound is None or bound.tzinfo:
        return bound
    try:
        return moment_of(bound, options["timezone"])
    except OverflowError:
        raise _unreadable(f"--{name} must be between the years 1 and 9999 in UTC.") from None


def _kinds(options: dict[str, Any]) -> dict[str, FeatureKind]:
    if both := sorted(set(options["categorical"]) & set(options["numeric"])):
        raise _unreadable(f"Either --categorical or --numeric: {', '.join(both)}.")
    categorical = dict.fromkeys(options["categorical"], FeatureKind.CATEGORICAL)
    return categorical | dict.fromkeys(options["numeric"], FeatureKind.NUMERIC)


def _plan(options: dict[str, Any]) -> EvaluationPlan:
    """A monitor's, never saved: the same settings as the service's give the same verdict."""
    fields = {name: options[name] for name in ("methods", "policy", "min_rows")}
    return evaluation_plan(Monitor(**fields, sensitive_features=options["sensitive"]))


def _slice(text: str) -> dict[str, str]:
    name, sign, where = text.partition("=")
    if not sign:
        raise ArgumentTypeError(f"{text!r} is not like United=carrier = 'UA'")
    return {"name": name, "where": where}


def _slices(options: dict[str, Any]) -> tuple[dict[str, str], ...]:
    """The slices, each with a condition that can be read and names no sensitive column."""
    try:
        slices = check_slices(options["slice"])
        check_not_sensitive(slices, options["sensitive"])
    except ValidationError as error:
        raise _unreadable(f"--slice: {' '.join(error.messages)}") from error
    return tuple(slices)


def _location(text: str) -> str:
    """URIs as they are, paths made absolute."""
    if not text.strip():
        raise ArgumentTypeError("a path or URI must not be empty")
    return text if "://" in text else os.path.normpath(Path.cwd() / text)


def _names(text: str) -> tuple[str, ...]:
    if names := tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())):
        return names
    raise ArgumentTypeError("at least one name is needed")


def _column_list(text: str) -> str:
    """A list of columns, which is divided when the names of the columns are known."""
    _names(text)
    return text


def _methods(text: str) -> list[Method]:
    names = _names(text)
    if unknown := [name for name in names if name not in NAMED_METHODS]:
        raise ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(NAMED_METHODS)}")
    return [Method(name) for name in names]


def _positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a positive number")


def _delimiter(text: str) -> str:
    """The text, or the tab that it stands for."""
    return text.replace("\\t", "\t")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not like 2024-01-31T12:00") from None


def _zone(text: str) -> str:
    try:
        return check_data_timezone(text)
    except ValidationError as error:
        raise ArgumentTypeError(" ".join(error.messages)) from error
