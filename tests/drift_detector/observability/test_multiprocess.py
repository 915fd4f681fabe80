"""Counts of several processes, exposed by one, read as Prometheus would."""

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

# A main process and its children, as Celery's prefork pool has them; the last child is killed at work.
CODE = """
import os, signal, sys
from pathlib import Path
from drift_detector.observability.multiprocess import exposition, share_metrics_with_children
share_metrics_with_children()
from prometheus_client import Counter, Gauge, Histogram
DONE = Counter("done", "Done.", ["outcome"])
TIME = Histogram("took_seconds", "Took.", buckets=[1, 10])
BUSY = Gauge("busy", "Busy.", multiprocess_mode="livesum")
LEVEL = Gauge("level", "Level.", ["of"], multiprocess_mode="mostrecent")
def child(work):
    if (pid := os.fork()) == 0:
        BUSY.inc()
        DONE.labels("well").inc(2)
        TIME.observe(5)
        work()
        BUSY.dec()
        os._exit(0)
    os.waitpid(pid, 0)
folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
DONE.labels("well").inc()
for each in ("main", "child"):
    LEVEL.labels(each).set(1)
for number in range(3):
    child(lambda: LEVEL.labels("child").set(10 + number))
    exposition()
LEVEL.labels("main").set(2)
child(lambda: os.kill(os.getpid(), signal.SIGKILL))
text = exposition()
print(folder, *(file.stem.replace(str(os.getpid()), "main") for file in sorted(folder.glob("*.db"))))
print(text.decode())
"""


@pytest.fixture(scope="module")
def output() -> list[str]:
    process = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60
    )
    return process.stdout.split("\n", 1)


@pytest.fixture(scope="module")
def samples(output: list[str]) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(output[1])
    return {
        (each.name, each.labels.get("le", each.labels.get("of", ""))): each.value
        for family in families
        for each in family.samples
    }


def test_exposition__children_that_ended__their_counts_stay(
    samples: dict[tuple[str, str], float],
) -> None:
    assert samples["done_total", ""] == 1 + 4 * 2


def test_exposition__histograms_of_ended_children__add_up(
    samples: dict[tuple[str, str], float],
) -> None:
    buckets = {le: value for (name, le), value in samples.items() if name == "took_seconds_bucket"}
    assert buckets == {"1.0": 0, "10.0": 4, "+Inf": 4}
    assert (samples["took_seconds_count", ""], samples["took_seconds_sum", ""]) == (4, 20)


def test_exposition__killed_child__is_no_longer_busy(samples: dict[tuple[str, str], float]) -> None:
    assert samples.get(("busy", ""), 0) == 0


def test_exposition__main_process__exposes_its_memory(
    samples: dict[tuple[str, str], float],
) -> None:
    assert samples["process_resident_memory_bytes", ""] > 0


def test_exposition__gauge_of_the_last_value__is_what_any_process_set_last(
    samples: dict[tuple[str, str], float],
) -> None:
    assert (samples["level", "main"], samples["level", "child"]) == (2, 12)


def test_share_metrics__many_children__leave_one_file_per_kind_and_no_folder(
    output: list[str],
) -> None:
    folder, *files = output[0].split(" ")
    kinds = ["counter", "gauge_mostrecent", "histogram"]
    assert sorted(files) == sorted(
        [f"{kind}_{whose}" for kind in kinds for whose in ("ended", "main")]
        + ["gauge_livesum_main"]
    )
    assert not Path(folder).exists()
