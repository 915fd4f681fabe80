"""What prometheus_client's registry holds, for tests that compare before and after."""

from typing import Any

from prometheus_client import REGISTRY


def sample(name: str, **labels: Any) -> float:
    """A sample's value now; 0 if there is no such series yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
