from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from detections.models import DetectionRun
from drift_detector.demo.access import ensure_access
from drift_detector.demo.dataset import write_weeks
from drift_detector.demo.seed import seed_demo
from drift_detector.demo.watch import INPUTS, PREDICTIONS, REPLAY
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "http://127.0.0.1:8000"


@pytest.fixture
def data(data_root: Path, judged_flights: pa.Table) -> Path:
    """The folder with the data in it already, which takes some seconds otherwise."""
    write_weeks(judged_flights, data_root)
    return data_root


def seed(folder: Path, now: datetime = NOW) -> list[str]:
    steps: list[str] = []
    seed_demo(data_dir=folder, env_file=folder / "demo.env", url=URL, now=now, report=steps.append)
    return steps


def test_seed_demo__first_start__three_monitors_with_their_runs(data_root: Path) -> None:
    steps = seed(data_root)
    with tenant_scope(ensure_access(data_root / "demo.env", url=URL).id):
        found = Counter(DetectionRun.objects.values_list("monitor__name", "trigger"))
    assert found == {(INPUTS, "backfill"): 39, (PREDICTIONS, "backfill"): 39, (REPLAY, "manual"): 1}
    assert len(list((data_root / "flights").glob("week=*/part-0.parquet"))) == 53
    assert steps[-1] == "Made 3 monitors; 79 runs wait for a worker"


def test_seed_demo__second_start__does_nothing(data: Path) -> None:
    seed(data)
    assert seed(data) == []
    with tenant_scope(ensure_access(data / "demo.env", url=URL).id):
        assert (Monitor.objects.count(), DetectionRun.objects.count()) == (3, 79)


def test_seed_demo__folder_the_tenant_may_not_read__nothing_half_made(
    data: Path, tmp_path: Path
) -> None:
    outside = tmp_path.parent / "outside"
    (outside / "flights").mkdir(parents=True)
    with pytest.raises(ValidationError, match="outside the folders"):
        seed(outside)
    with tenant_scope(ensure_access(outside / "demo.env", url=URL).id):
        assert not Monitor.objects.exists()


def test_seed_demo__year_of_the_replay_is_over__begins_again(data: Path) -> None:
    seed(data)
    next_year = NOW + timedelta(days=70)
    seed(data, now=next_year)
    with tenant_scope(ensure_access(data / "demo.env", url=URL).id):
        _, end = Monitor.objects.get(name=REPLAY).window_at(next_year)
    assert abs(end - datetime(2013, 1, 31, 12, tzinfo=UTC)) <= timedelta(days=3.5)


def test_seed_demo_command__default_folder__is_the_first_allowed_root(data: Path) -> None:
    call_command(
        "seed_demo", "--env-file", str(data / "demo.env"), "--base-url", URL, stdout=StringIO()
    )
    with tenant_scope(ensure_access(data / "demo.env", url=URL).id):
        assert Monitor.objects.get(name=INPUTS).current_data_uri == str(data / "flights")


def test_seed_demo_command__no_folder_allowed__says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="AUMOS_DRIFT_DATA__ALLOWED_ROOTS names no folder"):
        call_command("seed_demo", "--env-file", str(tmp_path / "demo.env"), "--base-url", URL)
