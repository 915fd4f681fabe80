"""Counts of several processes, told by one, read as Prometheus would."""

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

# A main process and its children, as Celery's prefork pool has them; the last child is killed at work.
CODE = """
import os, signal, sys
from pathlib import Path
from drift_detector.counting import count_together, exposition
count_together()
from prometheus_client import Counter, Gauge, Histogram
DONE = Counter("done", "Done.", ["outcome"])
TIME = Histogram("took_seconds", "Took.", buckets=[1, 10])
BUSY = Gauge("busy", "Busy.", multiprocess_mode="livesum")
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
for _ in range(3):
    child(lambda: None)
    exposition()
child(lambda: os.kill(os.getpid(), signal.SIGKILL))
text = exposition()
print(folder, len(list(folder.glob("counter_*.db"))))
print(text.decode())
"""


@pytest.fixture(scope="module")
def said() -> list[str]:
    process = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    return process.stdout.split("\n", 1)


@pytest.fixture(scope="module")
def samples(said: list[str]) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(said[1])
    return {(each.name, each.labels.get("le", "")): each.value for family in families for each in family.samples}


def test_exposition__children_that_ended__their_counts_stay(samples: dict[tuple[str, str], float]) -> None:
    assert samples["done_total", ""] == 1 + 4 * 2


def test_exposition__histograms_of_ended_children__add_up(samples: dict[tuple[str, str], float]) -> None:
    buckets = {le: value for (name, le), value in samples.items() if name == "took_seconds_bucket"}
    assert buckets == {"1.0": 0, "10.0": 4, "+Inf": 4}
    assert (samples["took_seconds_count", ""], samples["took_seconds_sum", ""]) == (4, 20)


def test_exposition__killed_child__is_no_longer_busy(samples: dict[tuple[str, str], float]) -> None:
    assert samples.get(("busy", ""), 0) == 0


def test_exposition__main_process__tells_its_memory(samples: dict[tuple[str, str], float]) -> None:
    assert samples["process_resident_memory_bytes", ""] > 0


def test_count_together__many_children__leave_one_file_and_in_the_end_none(said: list[str]) -> None:
    folder, files = said[0].rsplit(" ", 1)
    assert int(files) == 2  # the main process's and that of all who ended
    assert not Path(folder).exists()
