"""Chooses the columns that a monitor watches, and checks that both sources have them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NoReturn

import pyarrow as pa
from django.core.exceptions import ValidationError

from algorithms.baseline import FeatureKind
from algorithms.library.feature_choice import (
    BadChoice,
    HeldColumns,
    choose_kinds,
    is_moment,
    is_readable,
)
from algorithms.methods import METHODS, Method
from drift_detector.api.names import unknown_names
from monitors.monitor_windows import csv_dialect
from monitors.slice_checks import check_contracts
from monitors.sources import (
    CsvDialect,
    DatasetDescription,
    SourceError,
    SourcePolicy,
    WindowSpec,
    describe,
    describe_window,
)
from monitors.sources.local_times import UTC_ZONE

ROLE_FIELDS = ("prediction_column", "label_column", "score_column")


type Look = Callable[[str, SourcePolicy, CsvDialect, str], DatasetDescription]
"""The way to describe a dataset: by its place, the policy, the dialect of CSV and the zone."""


def look_once() -> Look:
    """A way to describe datasets that looks at each but once, for monitors that read the same data."""
    found: dict[tuple[str, CsvDialect, str], DatasetDescription] = {}

    def look(uri: str, policy: SourcePolicy, dialect: CsvDialect, zone: str) -> DatasetDescription:
        key = (uri, dialect, zone)
        if key not in found:
            found[key] = describe(uri, policy, dialect, zone)
        return found[key]

    return look


def check_sources(
    fields: Mapping[str, Any], policy: SourcePolicy, look: Look | None = None
) -> None:
    """Look at both sources as a monitor with these fields would read them. No transaction may be open.

    Args:
        fields: Those that `monitors.services.source_fields` names.
        policy: The places that may be read.
        look: The way to describe a dataset, if not `describe`.

    Raises:
        ValidationError: By field, when a source can't be read, lacks a column, or has one of an unknown type, or when
            a setting names a column or a feature that is not there.
    """
    reference = _described("reference_data_uri", fields, policy, look or describe)
    current = _described("current_data_uri", fields, policy, look or describe)
    features = choose_features(
        reference,
        _names(fields["feature_columns"]),
        str(fields["timestamp_column"]),
        overrides=fields.get("feature_kinds") or {},
    )
    _check_current(current, features)
    _check_methods(fields, features)
    _check_roles(fields, reference, current)
    _check_settings_of_features(fields, features)
    check_contracts(
        fields.get("slices") or (), features, reference.columns, is_text=reference.is_text
    )


def _described(
    field: str, fields: Mapping[str, Any], policy: SourcePolicy, look: Look
) -> DatasetDescription:
    try:
        found = look(str(fields[field]), policy, _dialect(fields), _zone(fields))
        if found.unusable and field == "reference_data_uri":
            found = describe_window(_reference_window(fields, policy))
    except SourceError as error:
        raise ValidationError({field: str(error)}) from error
    _check_timestamp(found, str(fields["timestamp_column"]), field)
    return found


def _reference_window(fields: Mapping[str, Any], policy: SourcePolicy) -> WindowSpec:
    """The reference as these fields bound it: files outside it need not fit together."""
    uri, column = str(fields["reference_data_uri"]), fields["timestamp_column"]
    whole = WindowSpec(uri, policy, dialect=_dialect(fields), zone=_zone(fields))
    if not column:
        return whole
    start, end = fields.get("reference_start"), fields.get("reference_end")
    return replace(whole, timestamp_column=str(column), start=start, end=end)


def _dialect(fields: Mapping[str, Any]) -> CsvDialect:
    return csv_dialect(fields.get("csv_dialect") or {}, fields.get("null_values") or ())


def _zone(fields: Mapping[str, Any]) -> str:
    return str(fields.get("data_timezone") or UTC_ZONE)


def _check_methods(fields: Mapping[str, Any], features: Mapping[str, FeatureKind]) -> None:
    kinds = frozenset(features.values())
    if fields["methods"] is None:
        return  # one of the default methods compares each kind
    methods = [Method(method) for method in _names(fields["methods"])]
    if not any(METHODS[method].compares(kinds) for method in methods):
        _refuse("methods", "methods must include one that compares these kinds of features.")


def _check_roles(
    fields: Mapping[str, Any], reference: DatasetDescription, current: DatasetDescription
) -> None:
    """Check that a source has the columns of predictions, labels and scores."""
    known = {*reference.columns, *current.columns}
    for field in ROLE_FIELDS:
        column = fields.get(field)
        if column and column not in known:
            _refuse(field, f"{field} must name a column. {_no_column(column, known)}")
    limits: Mapping[str, Any] = fields.get("performance_limits") or {}
    relative = next((metric for metric, limit in limits.items() if "relative" in limit), None)
    if relative:
        _check_labelled(relative, fields, reference)


def _check_labelled(metric: str, fields: Mapping[str, Any], reference: DatasetDescription) -> None:
    """Check that a relative limit has predictions and labels of the reference to be relative to."""
    for field in ("prediction_column", "label_column"):
        column = fields.get(field)
        if column and column not in reference.columns:
            reason = f"The relative limit of {metric} needs a reference with the column {column}."
            _refuse("performance_limits", reason)


def _check_settings_of_features(
    fields: Mapping[str, Any], features: Mapping[str, FeatureKind]
) -> None:
    """Check that what is set for features names features."""
    for field in ("thresholds", "tolerances"):
        limits: Mapping[str, Any] = fields.get(field) or {}
        for limit in limits.values():
            _check_features(field, limit.get("features", {}), features)
    for field in ("importances", "sensitive_features"):
        _check_features(field, fields.get(field) or (), features)


def _check_features(field: str, names: Iterable[str], features: Mapping[str, FeatureKind]) -> None:
    for name in names:
        if name not in features:
            _refuse(field, f"{field} must name features. {_no_column(name, features)}")


def _no_column(name: str, known: Collection[str]) -> str:
    return next(iter(unknown_names([name], known, what="column").values()))


def choose_features(
    reference: DatasetDescription,
    wanted: Sequence[str],
    timestamp_column: str,
    *,
    overrides: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, FeatureKind]:
    """The features of a reference: those asked for, or all columns of a known type.

    Points in time, what folder names say and the index of a data frame are features only when asked for: they differ in
    any two windows. Names that are too long are left out unless asked for. A kind in
    `overrides` takes the place of the one that the column's type suggests.

    Raises:
        ValidationError: For `feature_columns`, when one is missing or of an unknown type, or none is left.
    """
    held = HeldColumns(
        types=reference.columns,
        unusable=reference.unusable,
        beside={timestamp_column, *reference.partition_columns},
        index=reference.index_columns,
    )
    try:
        return choose_kinds(held, wanted, overrides)
    except BadChoice as error:
        raise ValidationError({error.field: str(error)}) from error


def _refuse(field: str, reason: str) -> NoReturn:
    raise ValidationError({field: reason})


def _check_timestamp(source: DatasetDescription, timestamp_column: str, field: str) -> None:
    if not timestamp_column:
        return
    if timestamp_column in source.unusable:
        _refuse("timestamp_column", source.unusable[timestamp_column])
    if timestamp_column not in source.columns:
        _refuse("timestamp_column", f"{field} has no column {timestamp_column}.")
    if not is_moment(found := source.columns[timestamp_column]):
        reason = f"{timestamp_column} must be a timestamp or a date, not {found}."
        _refuse("timestamp_column", reason)


def _check_current(current: DatasetDescription, features: Mapping[str, FeatureKind]) -> None:
    if missing := sorted(set(features) - set(current.columns) - set(current.unusable)):
        _refuse("current_data_uri", f"current_data_uri has no column {', '.join(missing)}.")
    if current.is_text:
        return  # CSV is read as the reference was, whatever its first block looks like
    for name in features.keys() & current.columns.keys():
        _check_type(name, current.columns[name], features[name])


def _check_type(name: str, found: pa.DataType, kind: FeatureKind) -> None:
    if not pa.types.is_null(found) and not is_readable(found, kind):
        reason = f"Column {name} must be {kind}, as in the reference, not {found}."
        _refuse("current_data_uri", reason)


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []
