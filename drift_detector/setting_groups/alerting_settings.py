"""Alerts and budgets, and the way of a notification to people."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from drift_detector.setting_groups.group import (
    SHORTEST_KEY,
    CollectorUrl,
    Group,
    HostName,
    Port,
    Positive,
)


class Alerts(Group):
    retention_days: Positive = Field(
        default=730, description="days that alerts are kept once they are resolved"
    )
    silent_stream_after: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=2,
        description="a stream of outcomes is silent after so many of its usual gaps, and after a day at least",
    )


class BudgetDefaults(Group):
    false_alerts_per_month: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=5, description="false alerts of the data in 30.4 days that a tenant can bear"
    )


class Notifier(Group):
    allowed_hosts: list[HostName] = Field(
        default=[],
        description="JSON list of internal hosts that webhooks may reach, over http too: host or host:port",
    )
    send_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=10, description="the longest that one try to send a notification may take"
    )
    max_sending: Positive = Field(
        default=16, description="channels that one notifier sends to at once"
    )
    max_sending_per_tenant: Positive = Field(default=4, description="those of one tenant")
    max_per_hour: Positive = Field(
        default=60,
        description="notifications of one channel in an hour, unless it has its own number; the rest is summarised",
    )
    max_attempts: Positive = Field(
        default=12, description="tries before a notification is given up"
    )
    retry_seconds: Positive = Field(
        default=15, description="wait before the second try; doubles after each, up to an hour"
    )
    retention_days: Positive = Field(
        default=90, description="days that notifications are kept that are no longer pending"
    )


class Smtp(Group):
    host: str = Field(default="", description="mail server of channels of the kind email")
    port: Port = Field(default=587, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted: starttls, tls or none"
    )
    user: str = Field(default="", description="the name to log in with; without one, no login")
    password: SecretStr = Field(default=SecretStr(""), description="the password of that name")
    sender: str = Field(
        default="", description="From of the mails: Drift detector <drift@example.com>"
    )


class Encryption(Group):
    key: SecretStr = Field(
        default=SecretStr(""),
        description="what addresses and secrets of channels are encrypted with: any long random text; no channel is "
        "saved without",
    )
    old_keys: list[SecretStr] = Field(
        default=[],
        description="JSON list of earlier keys that still decrypt; `manage.py reencrypt` makes them needless",
    )

    @field_validator("key", "old_keys")
    @classmethod
    def _are_long[Value: (SecretStr, list[SecretStr])](cls, value: Value) -> Value:
        keys = value if isinstance(value, list) else [value]
        lengths = [len(key.get_secret_value()) for key in keys]
        if any(0 < length < SHORTEST_KEY for length in lengths):
            raise ValueError(f"a key needs at least {SHORTEST_KEY} characters")
        return value


class HeartbeatAddress(Group):
    url: CollectorUrl | None = Field(
        default=None,
        description="address that the notifier requests each minute while all processes live",
    )
    processes: list[str] = Field(
        default=["worker", "beat", "reconciler", "relay", "notifier"],
        description="JSON list of the processes that must live for that",
    )
