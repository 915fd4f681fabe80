"""The servers that the service needs: PostgreSQL, Valkey, Kafka."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PostgresDsn, RedisDsn, SecretStr, field_validator, model_validator

from drift_detector.setting_groups.group import LOOPBACK, Group, Positive, is_example


class Database(Group):
    url: PostgresDsn = Field(
        description="PostgreSQL, as this process's role: postgresql://user:password@host:5432/name"
    )
    pool_size: Annotated[int, Field(ge=0)] = Field(
        default=16, description="connections kept by one process; 0 turns the pool off"
    )
    through_pgbouncer: bool = Field(
        default=False,
        description="true where the address leads to PgBouncer, which takes no options of a connection",
    )

    @field_validator("url")
    @classmethod
    def _has_a_password_of_its_own(cls, url: PostgresDsn) -> PostgresDsn:
        (host,) = url.hosts()[:1]
        user, password = host["username"] or "", host["password"] or ""
        is_known = password and password in {user, user.removeprefix("drift_"), "postgres"}
        if host["host"] not in LOOPBACK and (is_known or is_example(password)):
            raise ValueError("the password is the one of an example; set one of your own")
        return url


class Redis(Group):
    url: RedisDsn = Field(
        description="Valkey or Redis that carries the wake-ups: redis://:password@host:6379/0"
    )


class Kafka(Group):
    bootstrap_servers: str = Field(
        description="Kafka brokers, as host:port,host:port", min_length=1
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how the brokers are reached; SASL_SSL in production"
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="how the login is proved"
    )
    sasl_username: str = Field(
        default="", description="this process's own login; docs/operations.md lists its rights"
    )
    sasl_password: SecretStr = Field(
        default=SecretStr(""), description="the password of that login"
    )
    ssl_ca_location: Path | None = Field(
        default=None, description="PEM file of the authority of the brokers' certificates"
    )
    ssl_certificate_location: Path | None = Field(
        default=None, description="PEM file of this process's own certificate, for mutual TLS"
    )
    ssl_key_location: Path | None = Field(default=None, description="PEM file of its private key")
    ssl_key_password: SecretStr = Field(
        default=SecretStr(""), description="the password of that file"
    )
    certificate_warn_days: Positive = Field(
        default=14, description="days before the end of a certificate from which the service warns"
    )
    config: dict[str, SecretStr] = Field(
        default={}, description="further librdkafka properties as JSON; they win over the others"
    )

    @model_validator(mode="after")
    def _login_is_used(self) -> "Kafka":
        uses_login = (
            self.security_protocol.startswith("SASL_") or "security.protocol" in self.config
        )
        if self.sasl_username and not uses_login:
            raise ValueError("sasl_username needs security_protocol SASL_SSL or SASL_PLAINTEXT")
        return self
