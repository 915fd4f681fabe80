"""The faults, by name."""

from collections.abc import Callable

from tests.chaos.faults.beats import edit_schedules, freeze_leaders, keep_beat_down, kill_beats
from tests.chaos.faults.events import cut_kafka, kill_relays
from tests.chaos.faults.fairness import burst
from tests.chaos.faults.itself import check_the_checker
from tests.chaos.faults.senders import kill_senders
from tests.chaos.faults.servers import empty_broker, restart_broker, restart_database
from tests.chaos.faults.workers import (
    freeze_in_transaction,
    freeze_workers,
    kill_workers,
    stop_workers,
)
from tests.chaos.forms import Form, Row
from tests.chaos.world import World

FAULTS: dict[str, Callable[[World, Form], Row]] = {
    "workers-killed": kill_workers,
    "beats-killed": kill_beats,
    "broker-emptied": empty_broker,
    "broker-restarted": restart_broker,
    "database-restarted": restart_database,
    "kafka-cut": cut_kafka,
    "relay-killed": kill_relays,
    "senders-killed": kill_senders,
    "worker-frozen": freeze_workers,
    "worker-frozen-in-transaction": freeze_in_transaction,
    "worker-stopped": stop_workers,
    "tenant-bursts": burst,
    "leader-frozen": freeze_leaders,
    "schedule-edited": edit_schedules,
    "beat-down": keep_beat_down,
    "checker": check_the_checker,
}
