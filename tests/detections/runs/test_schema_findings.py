"""Lost, retyped and new columns: from the run over real files to the detection, the alert and the events."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alerts.models import Alert
from detections.evaluation.run import evaluate_run
from detections.models import Detection, DetectionRun
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from monitors.models import Baseline, Monitor
from tests.factories import make_flights_monitor, make_run, take


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    """A monitor that names no methods, with its baseline."""
    return make_flights_monitor(flights, methods=None)


def replace_week(flights: Path, week: int, change: Callable[[pa.Table], pa.Table]) -> None:
    path = flights / f"week{week}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def judge(monitor: Monitor, week: int) -> DetectionRun:
    run = make_run(monitor, week=week)
    claim = take(run)
    complete_run(claim, evaluate_run(claim))
    run.refresh_from_db()
    return run


def schema_of(run: DetectionRun) -> Detection:
    return Detection.objects.get(run=run, method="schema")


def events() -> list[str]:
    return list(OutboxEvent.objects.order_by("seq").values_list("topic", flat=True))


def test_run__column_is_lost__critical_alert_and_no_retraining(
    monitor: Monitor, flights: Path
) -> None:
    replace_week(flights, 2, lambda table: table.drop_columns(["delay"]))
    run, found = judge(monitor, 2), Detection.objects.get(method="schema")
    assert (run.verdict, run.reason) == (
        "drift",
        "delay was not judged: The window has no column 'delay'.",
    )
    assert (found.detection_type, found.verdict, found.severity) == ("schema", "drift", "critical")
    assert (found.worst_feature, found.p_value) == ("delay", None)
    alert = Alert.objects.get()
    assert (alert.severity, [each["feature"] for each in alert.drifted_features]) == (
        "critical",
        ["delay"],
    )
    assert events() == ["drift.detected", "drift.alert_raised"]
    detected = OutboxEvent.objects.get(topic="drift.detected").envelope["data"]
    assert (detected["detection_type"], detected["methods"]) == ("schema", ["schema"])


def test_run__column_is_retyped__named_with_both_types(monitor: Monitor, flights: Path) -> None:
    def as_words(table: pa.Table) -> pa.Table:
        words = pa.array(["late", "early"] * (table.num_rows // 2))
        return table.set_column(table.column_names.index("delay"), "delay", words)

    replace_week(flights, 2, as_words)
    detail = next(each for each in schema_of(judge(monitor, 2)).details if each["reason"])
    assert (detail["feature"], detail["verdict"], detail["severity"]) == (
        "delay",
        "drift",
        "critical",
    )
    assert (
        detail["reason"]
        == "Expected float64 values, as in the reference, but the column holds text."
    )


def test_run__column_comes_back__alert_is_resolved(monitor: Monitor, flights: Path) -> None:
    whole = pq.read_table(flights / "week2.parquet")
    replace_week(flights, 2, lambda table: table.drop_columns(["delay"]))
    judge(monitor, 2)
    pq.write_table(whole, flights / "week2.parquet")
    judge(monitor, 3)
    assert schema_of(DetectionRun.objects.latest("created_at")).verdict == "ok"


def test_run__new_column__info_and_no_alert(monitor: Monitor, flights: Path) -> None:
    replace_week(flights, 2, lambda table: table.append_column("gate", table["delay"]))
    run = judge(monitor, 2)
    found = schema_of(run)
    assert (run.verdict, run.reason, found.verdict, found.severity) == ("ok", "", "ok", "info")
    assert [each["feature"] for each in found.details if each["severity"]] == ["gate"]
    assert not Alert.objects.exists()


def test_run__baseline_from_before_columns_were_kept__no_column_is_new(
    monitor: Monitor, flights: Path
) -> None:
    version = Baseline.objects.get()
    fields = {each.attname: getattr(version, each.attname) for each in Baseline._meta.fields}
    own = {name: fields[name] for name in fields if name not in ("id", "version", "columns")}
    Baseline.objects.create(**own, version=2, columns=None)
    replace_week(flights, 2, lambda table: table.append_column("gate", table["delay"]))
    assert schema_of(judge(monitor, 2)).severity == ""


def test_run__defaults_of_the_day__all_of_them_judged(monitor: Monitor) -> None:
    judged = judge(monitor, 2)
    found = Detection.objects.filter(run=judged).values_list("method", flat=True)
    assert set(found) == {
        "ks", "psi", "chi_squared", "null_rate", "range", "new_categories", "schema"
    }  # fmt: skip
