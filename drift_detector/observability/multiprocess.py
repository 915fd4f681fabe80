"""Merges the Prometheus metrics of a worker's child processes into those of its main process."""

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


def share_metrics_with_children() -> None:
    """Keep all metrics in files of a temporary folder, so that forked processes count there too.

    The parent process calls it before it creates the first metric. The folder is removed when the
    parent ends.
    """
    folder = mkdtemp(prefix="drift-metrics-")
    os.environ[FOLDER] = folder
    values.ValueClass = values.MultiProcessValue()
    atexit.register(_remove, folder, os.getpid())


def exposition() -> bytes:
    """The metrics of this process and of its children, in Prometheus's text format."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest()
    with _reading:
        _merge_ended_processes(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
        ProcessCollector(registry=registry)
        return generate_latest(registry)


def _merge_ended_processes(folder: Path) -> None:
    """Merge the files of processes that have ended into one file of each kind.

    Celery recycles its children, so a file for each of them would fill the disk.
    """
    for file in folder.glob("*.db"):
        kind, _, process = file.stem.rpartition("_")
        if process == ENDED or _is_alive(int(process)):
            continue
        if not kind.startswith("gauge_live"):
            _merge(file, folder / f"{kind}_{ENDED}.db")
        file.unlink()


def _merge(file: Path, ended: Path) -> None:
    """Add the counts of one file; a gauge keeps the value that was set last."""
    add = _keep_latest if file.name.startswith("gauge_mostrecent") else _add_count
    merged = MmapedDict(str(ended))
    for key, value, set_at, _ in MmapedDict.read_all_values_from_file(str(file)):
        add(merged, key, value, set_at)
    merged.close()


def _add_count(merged: MmapedDict, key: str, value: float, _set_at: float) -> None:
    earlier, _ = merged.read_value(key)
    merged.write_value(key, earlier + value, 0.0)


def _keep_latest(merged: MmapedDict, key: str, value: float, set_at: float) -> None:
    _, earlier_set_at = merged.read_value(key)
    if set_at > earlier_set_at:
        merged.write_value(key, value, set_at)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _remove(folder: str, owner: int) -> None:
    # A forked child inherits the exit handler, but the folder belongs to its parent.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
