"""How much of each fault there is: in full, with the service's own settings, and short, with hastier ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HASTY = {
    "AUMOS_DRIFT_RUNS__LEASE_SECONDS": "6",
    "AUMOS_DRIFT_RUNS__HEARTBEAT_SECONDS": "2",
    "AUMOS_DRIFT_RUNS__RECONCILE_SECONDS": "2",
    "AUMOS_DRIFT_RUNS__DRAIN_SECONDS": "3",
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """The numbers of one form of the proof."""

    runs: int = 1000
    worker_kills: int = 100
    beat_kills: int = 20
    beat_monitors: int = 500
    beat_ticks: int = 30
    queued: int = 500
    broker_restarts: int = 50
    database_restarts: int = 10
    outage_events: int = 180_000
    outage_monitors: int = 50
    outage_runs: int = 100
    relay_kills: int = 100
    freezes: int = 5
    stops: int = 3
    burst_minutes: int = 3
    leader_freezes: int = 3
    edited_monitors: int = 50
    state_changes: int = 1000
    sender_kills: int = 50
    gone_seconds: int = 3600
    hanging_requests: int = 20
    pause_seconds: int = 60
    settings: Mapping[str, str] = field(default_factory=dict)


FULL = Form()
SHORT = Form(
    runs=40,
    worker_kills=4,
    beat_kills=2,
    beat_monitors=50,
    beat_ticks=1,
    queued=60,
    broker_restarts=2,
    database_restarts=2,
    outage_events=2000,
    outage_monitors=10,
    outage_runs=20,
    relay_kills=3,
    freezes=1,
    stops=1,
    burst_minutes=1,
    leader_freezes=1,
    edited_monitors=10,
    state_changes=30,
    sender_kills=2,
    gone_seconds=5,
    hanging_requests=3,
    pause_seconds=1,
    settings=HASTY,
)
FORMS = {"full": FULL, "short": SHORT}


def tell(ended: Sequence[str]) -> str:
    """The end of a sentence about processes that ended though nobody asked them to."""
    return f"; ended by themselves: {', '.join(ended)}" if ended else ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one fault was expected to do, and what it did.

    Attributes:
        fault: What was done.
        expected: What was to happen.
        measured: What happened.
        is_kept: True if nothing was lost, doubled or left over.
        is_quick: True if it took no longer than expected, which depends on the machine and what else it does.
    """

    fault: str
    expected: str
    measured: str
    is_kept: bool
    is_quick: bool = True

    @property
    def is_met(self) -> bool:
        return self.is_kept and self.is_quick

    def as_markdown(self, name: str) -> str:
        """A line of the table; the name is what `--only` takes."""
        verdict = "met" if self.is_met else "**missed**"
        return f"| `{name}`: {self.fault} | {self.expected} | {self.measured} | {verdict} |"
