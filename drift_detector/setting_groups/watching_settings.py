"""Logs, metrics and traces."""

from typing import Literal

from pydantic import Field, field_validator

from drift_detector.setting_groups.group import CollectorUrl, Group, Port, Positive, is_installed


class Log(Group):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="the least severe level shown"
    )
    format: Literal["json", "console"] = Field(
        default="json", description="json for machines, console for people"
    )


class Metrics(Group):
    host: str = Field(
        default="127.0.0.1",
        description="where a process other than web answers /metrics and /healthz",
        min_length=1,
    )
    port: Port | None = Field(
        default=None, description="the port of that; without one, nothing listens"
    )
    max_round_seconds: Positive = Field(
        default=120,
        description="how old a process's last round may be, besides its pause, until /healthz says 503",
    )


class Tracing(Group):
    endpoint: CollectorUrl | None = Field(
        default=None,
        description="OTLP/HTTP collector of traces: http://host:4318/v1/traces; none are made without",
    )

    @field_validator("endpoint")
    @classmethod
    def _can_be_sent_to(cls, endpoint: str | None) -> str | None:
        if endpoint and not is_installed("opentelemetry.exporter.otlp.proto.http"):
            raise ValueError("the packages of the extra `tracing` are not installed")
        return endpoint
