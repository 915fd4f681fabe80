"""Real files in a temporary folder, and the policy that allows that folder."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from monitors.sources import SourcePolicy, WindowSpec, read_window

Writer = Callable[[str, dict[str, Any] | pa.Table], Path]
ReadFolder = Callable[..., pa.Table]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def policy(root: Path) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(root),))


@pytest.fixture
def write(root: Path) -> Writer:
    """Write a table below the root, in the format of the name's extension."""

    def _write(name: str, data: dict[str, Any] | pa.Table) -> Path:
        path, table = root / name, data if isinstance(data, pa.Table) else pa.table(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(table, path)
        elif name.endswith((".csv", ".csv.gz")):
            with (
                pa.CompressedOutputStream(path, "gzip")
                if name.endswith(".gz")
                else pa.OSFile(str(path), "wb") as sink
            ):
                pacsv.write_csv(table, sink)
        else:
            feather.write_feather(table, path)
        return path

    return _write


@pytest.fixture
def read(root: Path, policy: SourcePolicy) -> ReadFolder:
    """Read a window of what is below the root; the name defaults to the root itself."""

    def _read(name: str = "", **window: Any) -> pa.Table:
        return read_window(WindowSpec(str(root / name), policy, **window))

    return _read
