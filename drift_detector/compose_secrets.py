"""Writes the secrets of compose.yaml: `python3 drift_detector/compose_secrets.py > .env`.

It needs nothing but Python, since the service's packages are in the image alone.
"""

import secrets
import sys

NAMES = (
    "SECRET_KEY",
    "ENCRYPTION_KEY",
    "POSTGRES_PASSWORD",
    "OWNER_PASSWORD",
    "WEB_PASSWORD",
    "APP_PASSWORD",
    "COMMANDS_PASSWORD",
    "RELAY_PASSWORD",
    "SCHEDULER_PASSWORD",
    "NOTIFIER_PASSWORD",
    "VALKEY_PASSWORD",
    "KAFKA_BROKER_PASSWORD",
    "KAFKA_RELAY_PASSWORD",
    "KAFKA_CONSUMER_PASSWORD",
)
BYTES = 32


def lines() -> list[str]:
    """A line for each secret; hexadecimal, so that none needs quotes in a file or in an address."""
    return [f"{name}={secrets.token_hex(BYTES)}" for name in NAMES]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
