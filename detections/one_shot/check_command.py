"""The command that compares two datasets once: its arguments, and what it makes of them; without Django."""

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from algorithms.columns import FeatureKind
from algorithms.errors import InsufficientData, MissingColumn, UnusableColumn
from algorithms.library.comparison_plans import MIN_ROWS, NAMED_METHODS, plan_of
from algorithms.library.feature_choice import BadChoice
from algorithms.library.renderers import RENDERERS
from algorithms.library.table_comparison import Comparison, FailOn
from algorithms.methods import METHODS, Method, MethodSpec
from algorithms.plan import Policy, default_methods
from algorithms.slices.slice_conditions import BadCondition
from algorithms.slices.slice_forms import BadSlice, check_form, check_not_sensitive
from detections.one_shot.compare import ComparisonRequest, Reading, compare
from drift_detector.scheduling.zones import check_zone
from monitors.sources import CsvDialect, SourceError
from monitors.sources.local_times import UTC_ZONE, moment_of

HELP = "Compare two datasets once, without a server: exit code 1 on drift, 2 when they can't be compared."
DRIFTED, UNREADABLE = 1, 2
LOCATION = "Parquet, CSV or Arrow: a file, folder, pattern or URI"
START = "of the current window, inclusive"
TIMEZONE = "of times that have none, in the data and in --start and --end; default: UTC"
DELIMITER = "one character, or \\t; default: a tab in .tsv, else a comma"
NULL_VALUE = "a word that stands for a missing value in any column; may be given again"
COLUMNS = "these columns only; a column whose name holds commas goes first; may be given again"
SLICE = "judge these rows beside the whole, such as \"United=carrier = 'UA'\"; may be given again"
FAIL_ON = "exit with 1 on drift alone, or on warnings too, or on features too that can't be judged; or never"
METHODS_HELP = f"of {', '.join(NAMED_METHODS)}; default: {','.join(default_methods())}"
TOLERANCE = "the smallest change that matters to a method, such as ks=0.05; may be given again"
JSON = "the same as --format json"


class Uncomparable(Exception):
    """The two datasets can't be compared; the text says why."""


def add_arguments(parser: ArgumentParser, *, min_rows: int = MIN_ROWS) -> None:
    """Declare the arguments.

    Args:
        parser: Of the command.
        min_rows: The default of `--min-rows`.
    """
    _add_data(parser)
    _add_columns(parser)
    _add_dialect(parser)
    _add_judgement(parser, min_rows)
    parser.add_argument("--format", choices=list(RENDERERS), default="table")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help=JSON)
    parser.add_argument(
        "--fail-on", type=FailOn, choices=list(FailOn), default=FailOn.DRIFT, help=FAIL_ON
    )


def check(
    options: Mapping[str, Any],
    *,
    specs: Mapping[Method, MethodSpec] = METHODS,
    reading: Reading | None = None,
) -> tuple[str, int]:
    """The text that the command writes, and its exit code: 0, or 1 for a finding that `--fail-on` names.

    Args:
        options: By the names that `add_arguments` gives them.
        specs: The methods, with the defaults of those who run the command.
        reading: How much is read, and from where.

    Raises:
        Uncomparable: If the arguments do not fit together or the data, or something can't be read.
    """
    comparison = _compare(_request(options, specs, reading or Reading()))
    text = RENDERERS[options["format"]](comparison)
    return text, DRIFTED if comparison.fails(options["fail_on"]) else 0


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


def _add_judgement(parser: ArgumentParser, min_rows: int) -> None:
    repeated: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument(
        "--methods", type=_methods, default=None, metavar="KS,PSI", help=METHODS_HELP
    )
    parser.add_argument(
        "--tolerance", type=_tolerance, metavar="METHOD=SIZE", help=TOLERANCE, **repeated
    )
    parser.add_argument("--policy", choices=Policy, type=Policy, default=Policy.EVIDENCE_AND_EFFECT)
    parser.add_argument("--slice", type=_slice, metavar="NAME=WHERE", help=SLICE, **repeated)
    parser.add_argument("--min-rows", type=_positive, default=min_rows, help="that a verdict takes")


def _compare(request: ComparisonRequest) -> Comparison:
    try:
        return compare(request)
    except BadCondition as error:
        raise Uncomparable(f"A condition is wrong {error}") from error
    except (SourceError, BadChoice, InsufficientData, MissingColumn, UnusableColumn) as error:
        raise Uncomparable(str(error)) from error


def _request(
    options: Mapping[str, Any], specs: Mapping[Method, MethodSpec], reading: Reading
) -> ComparisonRequest:
    _check_window(options)
    try:
        plan = plan_of(
            options["methods"],
            tolerances=dict(options["tolerance"]),
            policy=options["policy"],
            min_rows=options["min_rows"],
            sensitive=options["sensitive"],
            specs=specs,
        )
    except ValueError as error:
        raise Uncomparable(str(error)) from error
    return ComparisonRequest(
        reference=options["reference"],
        current=options["current"],
        plan=plan,
        columns=tuple(options["columns"]),
        kinds=_kinds(options),
        timestamp_column=options["timestamp_column"],
        start=_bound(options, "start"),
        end=_bound(options, "end"),
        dialect=_dialect(options),
        zone=options["timezone"],
        slices=_slices(options),
        reading=reading,
    )


def _dialect(options: Mapping[str, Any]) -> CsvDialect:
    try:
        return CsvDialect(
            delimiter=options["delimiter"],
            decimal=options["decimal"],
            encoding=options["encoding"],
            quote=options["quote"],
            null_values=tuple(options["null_value"]),
        )
    except ValueError as error:
        raise Uncomparable(f"--{error}.") from error


def _check_window(options: Mapping[str, Any]) -> None:
    start, end = _bound(options, "start"), _bound(options, "end")
    if (start or end) and not options["timestamp_column"]:
        raise Uncomparable("--start and --end need --timestamp-column.")
    if start and end and end <= start:
        raise Uncomparable("--end must be after --start.")


def _bound(options: Mapping[str, Any], name: str) -> datetime | None:
    """A bound of the window; one without a zone is a time in the zone of the data."""
    bound: datetime | None = options[name]
    if bound is None or bound.tzinfo:
        return bound
    try:
        return moment_of(bound, options["timezone"])
    except OverflowError:
        raise Uncomparable(f"--{name} must be between the years 1 and 9999 in UTC.") from None


def _kinds(options: Mapping[str, Any]) -> dict[str, FeatureKind]:
    if both := sorted(set(options["categorical"]) & set(options["numeric"])):
        raise Uncomparable(f"Either --categorical or --numeric: {', '.join(both)}.")
    categorical = dict.fromkeys(options["categorical"], FeatureKind.CATEGORICAL)
    return categorical | dict.fromkeys(options["numeric"], FeatureKind.NUMERIC)


def _slice(text: str) -> dict[str, str]:
    name, sign, where = text.partition("=")
    if not sign:
        raise ArgumentTypeError(f"{text!r} is not like United=carrier = 'UA'")
    return {"name": name, "where": where}


def _slices(options: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """The slices, each with a condition that can be read and names no sensitive column."""
    try:
        slices = check_form(options["slice"])
        check_not_sensitive(slices, options["sensitive"])
    except BadSlice as error:
        raise Uncomparable(f"--slice: {error}") from error
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


def _methods(text: str) -> list[str]:
    names = _names(text)
    if unknown := [name for name in names if name not in NAMED_METHODS]:
        raise ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(NAMED_METHODS)}")
    return list(names)


def _tolerance(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not like ks=0.05") from None


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
        return text if text == UTC_ZONE else check_zone(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
