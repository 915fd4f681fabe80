"""Packed text of a scan that ends early."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pytest

from monitors.sources.endable_files import EndableFiles


def test_end__scan_of_packed_text_closed_early__reads_little_more(tmp_path: Path) -> None:
    rows = "\n".join(map(str, np.random.default_rng(0).integers(10**9, size=100_000)))
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"n\n") + 100 * gzip.compress(rows.encode() + b"\n", 1))
    files = EndableFiles(pafs.LocalFileSystem())
    part = pads.CsvFileFormat().make_fragment(str(path), pafs.PyFileSystem(files))
    before = _bytes_read()
    found = part.to_batches(use_threads=False)
    next(found)
    files.end(close_scan=found.close)
    assert 0 < _bytes_read() - before < path.stat().st_size / 2
    with pytest.raises(StopIteration):
        next(found)


def _bytes_read() -> int:
    """By this process, as the kernel counts them."""
    return int(Path("/proc/self/io").read_text().split()[1])
