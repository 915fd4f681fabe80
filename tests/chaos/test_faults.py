"""The proof's short form: each fault, with small numbers."""

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.forms import SHORT


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_service__fault__keeps_what_was_promised(fault: str) -> None:
    row = FAULTS[fault](SHORT)
    assert row.is_met, row.as_markdown()
