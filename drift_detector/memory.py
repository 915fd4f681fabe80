"""Bounds the memory of a process, and says so where work fails on it."""

import resource
from pathlib import Path
from signal import Signals

from django.conf import settings

GIB = 1 << 30
ADVICE = "Choose a shorter window or fewer columns."


def bound_memory(most: int) -> None:
    """Let this process take so much memory beyond what it has now; 0 sets no bound.

    The bound counts writable memory only: Arrow and the threads of compiled kernels reserve
    addresses that they never use, which a bound of the address space would count.
    """
    if most:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + most, hard))


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmData"].split()[0]) * 1024


def out_of_memory() -> str:
    """The reason of work that needed more memory than its process may take."""
    return f"It needs more memory than {_allowed()}. {ADVICE}"


def crashed(signal: int) -> str:
    """The reason of work whose process the data have crashed."""
    return (
        f"Reading the data has crashed the worker's process ({Signals(signal).name}): they are "
        f"damaged, or need more memory than {_allowed()}. {ADVICE}"
    )


def _allowed() -> str:
    most = settings.ENV.runs.max_child_bytes
    return f"the {most / GIB:.1f} GiB that a process may take" if most else "there is"
