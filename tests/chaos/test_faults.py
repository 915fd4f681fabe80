"""Half of the proof's short form; `make chaos ARGS=--short` injects all faults, and holds them to their times."""

from collections.abc import Iterator

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.forms import SHORT
from tests.chaos.world import World, running_world

IN_SUITE = {
    "workers-killed",
    "broker-emptied",
    "database-restarted",
    "kafka-cut",
    "senders-killed",
    "worker-frozen-in-transaction",
    "beat-down",
    "checker",
}
"""The others wait for full minutes or are like one of these; tests at close range have them, too."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running_world(SHORT.settings) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name in FAULTS if name in IN_SUITE])
def test_service__fault__keeps_what_was_promised(world: World, fault: str) -> None:
    world.refresh()
    row = FAULTS[fault](world, SHORT)
    assert row.is_kept, row.as_markdown(fault)
