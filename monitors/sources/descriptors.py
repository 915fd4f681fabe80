"""Open a file or a folder beneath an open folder, without following a single link on the way.

Linux does it in one call, `openat2`, which Python does not have. Elsewhere, and where a filter of
system calls refuses it, each folder of the path is opened for itself.
"""

import ctypes
import errno
import os
import stat
import sys
from functools import cache

OPENAT2 = 437
"""The number of the call on every processor that Linux has gained since 2020, and on all common ones."""

NO_MAGIC_LINKS, NO_SYMLINKS, BENEATH = 0x02, 0x04, 0x08
"""`RESOLVE_NO_MAGICLINKS`, `RESOLVE_NO_SYMLINKS` and `RESOLVE_BENEATH` of `linux/openat2.h`."""

LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)
"""Flags that show what a file is: no pipe blocks, and on Linux no device notices."""

READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
"""Flags that read a file; a pipe in its place does not block."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY


class _OpenHow(ctypes.Structure):
    """`struct open_how` of `linux/openat2.h`."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_beneath(folder: int, path: str, flags: int) -> int:
    """A descriptor of what lies at a path beneath an open folder.

    Args:
        folder: Descriptor of the folder.
        path: A relative path without `..`; `.` is the folder itself.
        flags: `LOOK`, `READ` or `FOLDER`.

    Raises:
        OSError: `ELOOP` if a part of the path is a link.
    """
    flags |= os.O_CLOEXEC
    return open_in_one_call(folder, path, flags) if has_openat2() else walk(folder, path, flags)


@cache
def has_openat2() -> bool:
    """True if the kernel has the call, and no filter of system calls refuses it."""
    if sys.platform != "linux":
        return False
    try:
        os.close(open_in_one_call(-100, ".", FOLDER | os.O_CLOEXEC))  # AT_FDCWD
    except OSError:
        return False
    return True


def open_in_one_call(folder: int, path: str, flags: int) -> int:
    """`open_beneath` by `openat2`; with `O_NOFOLLOW`, too, it would open a last link itself."""
    call, how, name = _openat2(), _how(flags), os.fsencode(path)
    while True:
        found = call(OPENAT2, folder, name, how, ctypes.sizeof(_OpenHow))
        if found >= 0:
            return int(found)
        if (number := ctypes.get_errno()) != errno.EINTR:
            raise OSError(number, os.strerror(number))


@cache
def _how(flags: int) -> "ctypes.Array[ctypes.c_char]":
    """The argument that the kernel reads, the same for all openings of a kind."""
    how = _OpenHow(flags=flags, resolve=BENEATH | NO_SYMLINKS | NO_MAGIC_LINKS)
    return ctypes.create_string_buffer(bytes(how), ctypes.sizeof(how))


@cache
def _openat2() -> "ctypes._NamedFuncPointer":
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    function.argtypes = [
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    return function


def walk(folder: int, path: str, flags: int) -> int:
    """`open_beneath` by one call for each folder of the path."""
    *folders, last = path.split("/")
    held = os.dup(folder)
    try:
        for name in folders:
            below = _open_one(held, name, FOLDER | os.O_CLOEXEC)
            os.close(held)
            held = below
        return _open_one(held, last, flags)
    finally:
        os.close(held)


def _open_one(folder: int, name: str, flags: int) -> int:
    """One step of a walk; systems disagree about the error for a link, and `O_PATH` opens it."""
    if name == "..":
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    try:
        found = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise _is_link() from None
        raise
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise _is_link()
    return found


def _is_link() -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP))
