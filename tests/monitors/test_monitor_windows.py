from datetime import UTC, datetime

import pytest

from monitors.models import Monitor
from monitors.monitor_windows import current_window, reference_window
from monitors.sources import ColumnType, SourcePolicy, WindowSpec
from monitors.sources.feature_types import column_types

MONDAY, TUESDAY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
POLICY = SourcePolicy()


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(
        reference_data_uri="/reference",
        reference_end=MONDAY,
        current_data_uri="/current",
        timestamp_column="at",
    )


def test_reference_window__one_bound__is_open_at_the_other_end(monitor: Monitor) -> None:
    expected = WindowSpec("/reference", POLICY, ["delay"], "at", None, MONDAY)
    assert reference_window(monitor, POLICY, ["delay"]) == expected


def test_current_window__has_the_bounds_given(monitor: Monitor) -> None:
    expected = WindowSpec("/current", POLICY, None, "at", MONDAY, TUESDAY)
    assert current_window(monitor, POLICY, (MONDAY, TUESDAY)) == expected


def test_current_window__no_timestamp_column__is_all_data(monitor: Monitor) -> None:
    monitor.timestamp_column = ""
    assert current_window(monitor, POLICY, (MONDAY, TUESDAY)) == WindowSpec("/current", POLICY)


def test_column_types__categorical_features__are_text_in_csv(monitor: Monitor) -> None:
    types = column_types({"zip": "categorical", "delay": "numeric"})
    assert types == {"zip": ColumnType.TEXT, "delay": ColumnType.NUMERIC}
    window = current_window(monitor, POLICY, (MONDAY, TUESDAY), types)
    assert (window.columns, window.types) == (["zip", "delay"], types)
