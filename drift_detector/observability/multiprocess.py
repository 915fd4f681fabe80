"""Counting together: what a Celery worker's children count is told by its main process."""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it
ENDED = "ended"  # takes the place of a process's id in the name of a file

_reading = Lock()


def count_together() -> None:
    """From here on metrics are made in files of one temporary folder, which processes that are forked count in, too.

    To be called before a metric is made, by the process that will be the parent; its end removes the folder.
    """
    folder = mkdtemp(prefix="drift-metrics-")
    os.environ[FOLDER] = folder
    values.ValueClass = values.MultiProcessValue()
    atexit.register(_remove, folder, os.getpid())


def exposition() -> bytes:
    """The metrics of this process, and of all that count together with it, as Prometheus reads them."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest()
    with _reading:
        _gather_ended(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
        ProcessCollector(registry=registry)
        return generate_latest(registry)


def _gather_ended(folder: Path) -> None:
    """Keep what processes that have ended told in one file of each kind; recycled children would fill the disk."""
    for file in folder.glob("*.db"):
        kind, _, process = file.stem.rpartition("_")
        if process == ENDED or _is_alive(int(process)):
            continue
        if not kind.startswith("gauge_live"):
            _gather(file, folder / f"{kind}_{ENDED}.db")
        file.unlink()


def _gather(file: Path, ended: Path) -> None:
    """Add what was counted; of a gauge, the value that was set last stands."""
    is_gauge, values_of_ended = file.name.startswith("gauge_mostrecent"), MmapedDict(str(ended))
    for key, value, set_at, _ in MmapedDict.read_all_values_from_file(str(file)):
        earlier, earlier_set_at = values_of_ended.read_value(key)
        if not is_gauge:
            values_of_ended.write_value(key, earlier + value, 0.0)
        elif set_at > earlier_set_at:
            values_of_ended.write_value(key, value, set_at)
    values_of_ended.close()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
