from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from drift_detector.demo.dataset import DRAFT, dataset_folder, write_weeks

WEEKS = [date(2013, 1, 7), date(2013, 1, 14)]
TABLE = pa.table({"value": [3, 1, 2], "week": pa.array([WEEKS[0], WEEKS[1], WEEKS[0]])})


def test_write_weeks__two_weeks__a_folder_each(tmp_path: Path) -> None:
    folder = write_weeks(TABLE, tmp_path)
    files = sorted(str(file.relative_to(tmp_path)) for file in folder.rglob("*.parquet"))
    assert files == [f"flights/week={week}/part-0.parquet" for week in WEEKS]


def test_write_weeks__rows__stay_in_order(tmp_path: Path) -> None:
    folder = write_weeks(TABLE, tmp_path)
    assert pq.read_table(folder / "week=2013-01-07" / "part-0.parquet")["value"].to_pylist() == [
        3,
        2,
    ]


def test_write_weeks__earlier_start_was_killed__its_draft_is_gone(tmp_path: Path) -> None:
    draft = tmp_path / DRAFT / "week=2013-02-04"
    draft.mkdir(parents=True)
    (draft / "part-0.parquet").write_bytes(b"half a fi")
    assert sorted(each.name for each in write_weeks(TABLE, tmp_path).iterdir()) == [
        f"week={week}" for week in WEEKS
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["flights"]


def test_write_weeks__writing_fails__no_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pads.write_dataset

    def killed(*args: object, **options: object) -> None:
        write(*args, **options)
        raise OSError("No space left on device")

    monkeypatch.setattr(pads, "write_dataset", killed)
    with pytest.raises(OSError, match="No space"):
        write_weeks(TABLE, tmp_path)
    assert not dataset_folder(tmp_path).exists()
