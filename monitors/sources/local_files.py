"""The file system that reads local files by descriptors beneath the allowed roots."""

import os
from typing import Any, Never

import pyarrow as pa
import pyarrow.fs as pafs

from monitors.sources.local_roots import LocalRoots
from monitors.sources.policy import SourcePolicy

OPEN_FILES = "/dev/fd"
"""Linux and macOS name the descriptors of a process here; the name leads to the file itself."""

SMALL_FILE = 1 << 16
"""Bytes up to which a file is read at once: that is quicker than to open it by such a name."""


def local_filesystem(policy: SourcePolicy) -> pafs.PyFileSystem:
    """The regular files beneath the roots of a policy, to read."""
    return pafs.PyFileSystem(LocalFiles(LocalRoots(policy)))


def is_local(filesystem: pafs.FileSystem) -> bool:
    """True for files on a disk of the service."""
    return isinstance(filesystem, pafs.PyFileSystem)


def roots_of(filesystem: pafs.PyFileSystem) -> LocalRoots:
    """The roots beneath which a local file system reads."""
    handler: LocalFiles = filesystem.handler
    return handler.roots


class LocalFiles(pafs.FileSystemHandler):  # type: ignore[misc]
    """Open files for pyarrow, which reads them itself as it reads every file of a disk."""

    def __init__(self, roots: LocalRoots) -> None:
        self.roots = roots

    def open_input_file(self, path: str) -> pa.NativeFile:
        """The regular file at a path, open beneath its root."""
        descriptor, size = self.roots.open_file(path)
        try:
            if size <= SMALL_FILE:
                return pa.BufferReader(_read(descriptor, size))
            return pa.OSFile(f"{OPEN_FILES}/{descriptor}")
        finally:
            os.close(descriptor)

    open_input_stream = open_input_file

    def get_type_name(self) -> str:
        """The name of the kind."""
        return "local"

    def normalize_path(self, path: str) -> str:
        """The path as it is."""
        return path

    def _refuse(self, *arguments: Any) -> Never:
        """Datasets are only read, and folders are listed by `listing` and `places`."""
        raise NotImplementedError

    get_file_info = get_file_info_selector = _refuse
    copy_file = create_dir = delete_dir = delete_dir_contents = delete_file = _refuse
    delete_root_dir_contents = move = open_append_stream = open_output_stream = _refuse


def _read(descriptor: int, size: int) -> pa.Buffer:
    """The first bytes of a file, in memory that threads can free without Python."""
    buffer = pa.allocate_buffer(size, resizable=True)
    read = os.readv(descriptor, [buffer]) if size else 0
    buffer.resize(read)
    return buffer
