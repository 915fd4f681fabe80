"""The faults, by name."""

from collections.abc import Callable

from tests.chaos.faults.workers import freeze_workers, kill_workers
from tests.chaos.forms import Form, Row

FAULTS: dict[str, Callable[[Form], Row]] = {
    "workers-killed": kill_workers,
    "worker-frozen": freeze_workers,
}
