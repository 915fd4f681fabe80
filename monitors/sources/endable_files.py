"""Files whose reading can be ended while pyarrow still asks for more.

When a scan of one thread is closed early, pyarrow reads on to the end of the file; a packed file can put this off for
hours.
"""

from collections.abc import Callable
from threading import Event
from typing import Any, Never
from weakref import finalize

import pyarrow as pa
import pyarrow.fs as pafs

PATIENCE_SECONDS = 10
"""For a thread of pyarrow that waits for a store; a process that ends while it reads by Python would abort."""


class EndableFiles(pafs.FileSystemHandler):  # type: ignore[misc]
    """The files of another file system, to read until `end` is called."""

    def __init__(self, files: pafs.FileSystem) -> None:
        self.files = files
        self.is_ended = False
        self._released: list[Event] = []

    def end(self, close_scan: Callable[[], None]) -> None:
        """Refuse further reads, close the scan, and wait until pyarrow has released the files."""
        self.is_ended = True
        close_scan()
        for each in self._released:
            each.wait(PATIENCE_SECONDS)

    def open_input_file(self, path: str) -> pa.NativeFile:
        """The file at a path."""
        file, released = _EndableFile(self.files.open_input_file(path), self), Event()
        finalize(file, released.set)
        self._released.append(released)
        return pa.PythonFile(file, mode="r")

    open_input_stream = open_input_file

    def get_type_name(self) -> str:
        """The name of the kind."""
        return "endable"

    def normalize_path(self, path: str) -> str:
        """The path as it is."""
        return path

    def _refuse(self, *arguments: Any) -> Never:
        """Datasets are only read, and folders are listed elsewhere."""
        raise NotImplementedError

    get_file_info = get_file_info_selector = _refuse
    copy_file = create_dir = delete_dir = delete_dir_contents = delete_file = _refuse
    delete_root_dir_contents = move = open_append_stream = open_output_stream = _refuse


class _EndableFile:
    """An open file, in the form in which pyarrow reads one of Python."""

    def __init__(self, file: pa.NativeFile, files: EndableFiles) -> None:
        self._file, self._files = file, files
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def read(self, size: int = -1) -> bytes:
        if self._files.is_ended:
            raise OSError("The reading has ended.")
        found: bytes = self._file.read(size)
        return found
