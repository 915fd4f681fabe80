"""Every setting of the service, read from environment variables with the prefix `AUMOS_DRIFT_`."""

import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, NoReturn, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

PREFIX = "AUMOS_DRIFT_"
# Written for people by `make run`; the service itself doesn't read them.
DEMO_PREFIX = f"{PREFIX}DEMO_"

# What pydantic says, and what people read; every other message follows "is wrong".
SENTENCES = {
    "Field required": "{name} is missing.",
    "Extra inputs are not permitted": "{name} is not a setting of this service.",
}

OWN = "Value error, "
"""Begins what our own validators say."""


def _refuse_own_variable(reference: str) -> str:
    if reference.upper().startswith(f"ENV:{PREFIX}"):
        raise ValueError(f"must not name a variable {PREFIX}… of the service")
    return reference


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Limit = Annotated[int, Field(ge=0, le=2**62)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# As `monitors.sources.SourcePolicy` wants them.
AbsoluteFolder = Annotated[str, Field(pattern=r"^/")]
StorePrefix = Annotated[str, Field(pattern=r"^(s3|gs|abfs)://[^/]+(/.*)?$")]
SecretReference = Annotated[
    str,
    Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_{}-]*|file:/[^#]+|vault:[^/#][^#]*#[^#]+)$"),
    AfterValidator(_refuse_own_variable),
]
Port = Annotated[int, Field(gt=0, lt=65536)]
Endpoint = Annotated[str, Field(pattern=r"^https?://[^/@]+/?$")]
PublicUrl = Annotated[str, Field(pattern=r"^(https?://[^/@\s]+(/\S*)?)?$")]
Issuer = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^(https://[^/@\s?#]+(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?)?$",
    ),
]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,249}$")]
CollectorUrl = Annotated[str, Field(pattern=r"^https?://[^/@]+/\S+$")]


# Where a setting has {tenant}, the slug of a tenant stands; a slug holds no dot.
TENANT = "{tenant}"
SLUG = "[-a-zA-Z0-9_]+"
LONGEST_TOPIC = 249  # Kafka's limit
LONGEST_SLUG = 50
OUTCOME_TOPIC = re.compile(
    r"[a-zA-Z0-9._-]+|(?:[a-zA-Z0-9._-]+\.\{tenant\}(?:\.[a-zA-Z0-9._-]+)?|\{tenant\}\.[a-zA-Z0-9._-]+)"
)
HostName = Annotated[str, Field(pattern=r"^[^/@\s]+$")]
SHORTEST_KEY = 32


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
# The words of examples: they protect nothing, so they open nothing but this machine.
EXAMPLES = ("change-me", "development-only")


def _is_example(secret: str) -> bool:
    return any(word in secret for word in EXAMPLES)


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
        if host["host"] not in LOOPBACK and (is_known or _is_example(password)):
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


SECRETS_OF_STORES = {
    "s3": ({"access_key", "secret_key"}, {"session_token"}),
    "abfs": ({"account_key"}, set[str]()),
}
"""The secrets that a connection to each kind of store needs, and those that it may have."""


class ConnectionSetting(Group):
    """The way to the stores below a prefix, as `monitors.sources.Connection` wants it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    store: Annotated[str, Field(pattern=r"^(s3|abfs)://[^/]+(/.*)?$")]
    secrets: dict[str, SecretReference]
    endpoint: Endpoint | None = None
    region: str | None = None
    account: str | None = None

    @model_validator(mode="after")
    def _fit_the_store(self) -> Self:
        scheme, given = self.store.partition("://")[0], set(self.secrets)
        needed, optional = SECRETS_OF_STORES[scheme]
        if not needed <= given <= needed | optional:
            raise ValueError(
                f"needs {' and '.join(sorted(needed))} among its secrets, and no others"
            )
        if (scheme == "abfs") != (self.account is not None):
            raise ValueError("needs an account for abfs://, and only there")
        return self


OF_EACH_TENANT = re.compile(r"vault:\{tenant\}/[^{}]+#[^{}]+")
"""A reference that leads each tenant to a folder of its own; no slug of a tenant leads into another's."""


class StoreCredentialsSetting(Group):
    """Secrets that tenants may name in connections of their own, and the hosts that they are used at."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=LONGEST_SLUG)]
    secrets: dict[str, SecretReference]
    tenants: list[Annotated[str, Field(pattern=f"^{SLUG}$")]] = []
    endpoints: list[Endpoint] = []
    accounts: list[Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")]] = []

    @property
    def scheme(self) -> str:
        """The stores that the secrets open: `s3` or `abfs`."""
        return "abfs" if "account_key" in self.secrets else "s3"

    @model_validator(mode="after")
    def _fit_a_store(self) -> Self:
        needed, optional = SECRETS_OF_STORES[self.scheme]
        if not needed <= set(self.secrets) <= needed | optional:
            raise ValueError("needs access_key and secret_key, or account_key, and no others")
        if (self.scheme == "abfs") != bool(self.accounts):
            raise ValueError("needs accounts with account_key, and only there")
        if self.endpoints and self.scheme == "abfs":
            raise ValueError("needs no endpoints with account_key")
        return self

    @model_validator(mode="after")
    def _keep_tenants_apart(self) -> Self:
        for reference in self.secrets.values():
            if TENANT not in reference and not self.tenants:
                raise ValueError(
                    "needs its tenants, or references vault:{tenant}/path#key that are each tenant's own"
                )
            if TENANT in reference and not OF_EACH_TENANT.fullmatch(reference):
                raise ValueError("must have {tenant} in vault:{tenant}/path#key only")
        return self


class Data(Group):
    allowed_roots: list[AbsoluteFolder] = Field(
        default=[], description="JSON list of folders data may be read from; {tenant} is the slug"
    )
    allowed_object_stores: list[StorePrefix] = Field(
        default=[], description="JSON list of prefixes such as s3://bucket/{tenant}/"
    )
    s3_endpoint: Endpoint | None = Field(
        default=None, description="an S3-compatible store other than AWS: https://host:port"
    )
    s3_region: str | None = Field(
        default=None, description="the region of the S3 buckets; found by itself on AWS"
    )
    azure_account: str | None = Field(
        default=None, description="the storage account that abfs:// URIs are in"
    )
    connections: list[ConnectionSetting] = Field(
        default=[],
        description="JSON list of ways to object stores: name, store, secrets by reference, endpoint",
    )
    store_credentials: list[StoreCredentialsSetting] = Field(
        default=[],
        description="JSON list of what tenants' own connections may name: name, secrets by reference, "
        "tenants, endpoints, accounts",
    )
    secrets_root: AbsoluteFolder | None = Field(
        default=None, description="the folder below which vault:path#key references lie"
    )
    max_window_bytes: Positive = Field(
        default=2**30, description="the most of a window that is held in memory at once"
    )
    stream_bytes: Positive = Field(
        default=2 * 2**30,
        description="windows from this size on are streamed and KS is binned, its bound stated",
    )
    part_bytes: Positive = Field(
        default=256 * 2**20,
        description="streamed windows are divided into parts of about this size, one worker each",
    )
    max_reference_rows: Positive = Field(
        default=1_000_000,
        description="numeric reference rows that are counted; of more, a uniform sample",
    )
    max_baseline_bytes: Positive = Field(
        default=256 * 2**20,
        description="sorted reference numbers kept for exact KS; with more, KS is binned",
    )
    baseline_cache_bytes: Positive = Field(
        default=256 * 2**20,
        description="baselines that one process keeps decoded, by their stored size",
    )
    max_columns: Positive = Field(default=10_000, description="the most columns of one file")
    max_row_groups: Positive = Field(
        default=20_000,
        description="the most row groups, or record batches of Arrow, of a window's files",
    )
    max_files: Positive = Field(default=20_000, description="the most files of one dataset")
    max_entries: Positive = Field(
        default=100_000, description="the most files and folders that are looked at to find them"
    )
    max_footer_bytes: Positive = Field(
        default=64 * 2**20,
        description="the longest footer of a file, in Parquet and Arrow the place of its schema",
    )
    max_inflated_bytes: Positive = Field(
        default=4 * 2**30,
        description="the most bytes to which a window's files unpack if these are over 100 times "
        "the files; a quarter of it for .csv.gz",
    )
    max_inline_bytes: Positive = Field(
        default=5 * 2**20, description="the largest request body, and so inline current_data"
    )

    @field_validator("store_credentials")
    @classmethod
    def _have_names_of_their_own(
        cls, offers: list[StoreCredentialsSetting]
    ) -> list[StoreCredentialsSetting]:
        if len({each.name for each in offers}) < len(offers):
            raise ValueError("must have each name once")
        return offers


class Web(Group):
    threads: Annotated[int, Field(ge=2)] = Field(
        default=16, description="requests that one web process works on at once"
    )
    max_connections: Positive = Field(
        default=1000, description="connections of one web process; beyond, the idlest are closed"
    )
    max_held_bytes: Positive = Field(
        default=128 * 2**20,
        description="bodies and answers in the memory of one web process; beyond, the slowest are dropped",
    )
    head_seconds: PositiveFloat = Field(
        default=10, description="how long a client may take to send a request's headers"
    )
    body_seconds: PositiveFloat = Field(
        default=60, description="how long a client may take to send a body"
    )
    idle_seconds: PositiveFloat = Field(
        default=75, description="how long a connection is kept for the next request"
    )
    send_seconds: PositiveFloat = Field(
        default=60, description="how long a client may take to read an answer"
    )
    queue_seconds: PositiveFloat = Field(
        default=30, description="how long a request may wait for a thread; then it is 503"
    )
    max_head_bytes: Positive = Field(
        default=32 * 2**10, description="the largest request line and headers, together"
    )
    max_form_bytes: Positive = Field(
        default=2**20, description="the largest body outside the API, such as a form of the admin"
    )
    max_waiting: Annotated[int, Field(ge=0)] = Field(
        default=16, description="requests that wait for a result at once, in all web processes"
    )
    max_waiting_per_tenant: Annotated[int, Field(ge=0)] = Field(
        default=4, description="those of one tenant; beyond, the answer is 202 at once"
    )


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
        if endpoint and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
            raise ValueError("the packages of the extra `tracing` are not installed")
        return endpoint


class Runs(Group):
    lease_seconds: Positive = Field(
        default=60, description="how long a run belongs to a worker that stopped answering"
    )
    heartbeat_seconds: Positive = Field(
        default=10, description="how often a worker renews its lease"
    )
    max_helpers: Positive = Field(
        default=7, description="other workers that are asked to help with a divided window"
    )
    max_child_bytes: Annotated[int, Field(ge=0)] = Field(
        default=4 * 2**30,
        description="memory that a worker's child may take beyond its start; 0 sets no bound",
    )
    leave_free: Annotated[int, Field(ge=0)] = Field(
        default=1,
        description="slots of the workers that one tenant leaves to the others; 0 with one tenant",
    )
    max_attempts: Positive = Field(default=3, description="attempts before a run is failed")
    retry_seconds: Positive = Field(
        default=30, description="wait before the second attempt; doubles after each"
    )
    time_limit_seconds: Positive = Field(
        default=600, description="the longest one attempt may take"
    )
    drain_seconds: Annotated[int, Field(ge=0)] = Field(
        default=15,
        description="how long a worker that is told to stop may go on; then it hands its work back",
    )
    reconcile_seconds: Positive = Field(
        default=15, description="how often lost wake-ups and expired leases are looked for"
    )
    max_per_tenant: Positive = Field(
        default=16,
        description="runs, builds, jobs and so on of one tenant at work at once; with few tenants, as many as workers",
    )
    max_catch_up: Annotated[int, Field(gt=0, le=1000)] = Field(
        default=100, description="the most missed ticks that catch_up=all runs"
    )
    retention_days: Positive = Field(
        default=400,
        description="days that runs, backtests and replaced baselines are kept; runs of alerts as long as the alerts",
    )
    max_backfill: Positive = Field(
        default=1000, description="the most runs one backfill may ask for"
    )
    max_backtest: Positive = Field(
        default=500, description="the most ticks one backtest may replay"
    )


class Jobs(Group):
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        default=10,
        description="how long a request waits for a worker to read data; then it is answered with 202",
    )
    time_limit_seconds: Positive = Field(
        default=60, description="the longest that a worker may read data for a request"
    )
    max_per_tenant: Positive = Field(
        default=1, description="jobs of one tenant that workers have at once; others wait"
    )
    max_unfinished: Positive = Field(
        default=100, description="jobs of one tenant that have no answer yet; beyond, 429"
    )
    retention_days: Positive = Field(
        default=7, description="days that the answers of jobs are kept"
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


class Outcomes(Group):
    retention_days: Positive = Field(
        default=90,
        description="days that outcomes are kept, and that a prediction waits for its label",
    )
    topic: str = Field(
        default="outcomes.{tenant}",
        description="Kafka topic of a tenant's outcomes, {tenant} is its slug; without, one topic of all tenants",
        min_length=1,
    )
    dead_letter_topic: str = Field(
        default="model.outcomes.dead",
        description="where messages go that can't be used, with the reason",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
    )
    group: str = Field(
        default="aumos-drift-detector",
        description="consumer group of consume_outcomes",
        min_length=1,
    )

    @field_validator("topic")
    @classmethod
    def _is_a_topic(cls, topic: str) -> str:
        if len(topic.replace(TENANT, "x" * LONGEST_SLUG)) > LONGEST_TOPIC:
            raise ValueError(
                f"a topic has at most {LONGEST_TOPIC} characters, {LONGEST_SLUG} of them the slug"
            )
        # Between dots, so that no other topic can be taken for a tenant's.
        if not OUTCOME_TOPIC.fullmatch(topic):
            raise ValueError(
                "a topic has letters, digits, . _ and -; {tenant} stands once, beside a dot"
            )
        return topic

    @model_validator(mode="after")
    def _reads_no_dead_letters(self) -> "Outcomes":
        pattern = re.escape(self.topic).replace(re.escape(TENANT), SLUG)
        if re.fullmatch(pattern, self.dead_letter_topic):
            raise ValueError(
                "the topic includes the dead-letter topic, which would be read again for ever"
            )
        return self


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


class Events(Group):
    retention_days: Positive = Field(
        default=30, description="days that published events are kept in the outbox"
    )
    alert_resolved_topic: Topic = Field(
        default="", description="Kafka topic of drift.alert_resolved; empty: it is not published"
    )
    alert_acknowledged_topic: Topic = Field(
        default="",
        description="Kafka topic of drift.alert_acknowledged; empty: it is not published",
    )


class Audit(Group):
    retention_days: Positive = Field(
        default=730,
        description="days that the audit trail is kept; `manage.py keep_audit` drops whole months",
    )


class Reports(Group):
    max_rows: Positive = Field(
        default=20_000, description="rows of each window that Evidently's report is made from"
    )


type AsymmetricAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"
]


class Grant(Group):
    """The role that a group of the identity provider has in a tenant."""

    tenant: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9_]{0,49}$")]
    role: Literal["viewer", "operator", "admin"]


class Oidc(Group):
    issuer: Issuer = Field(
        default="",
        description="the issuer of an OpenID provider, as its tokens name it; https, or http of this machine",
    )
    audience: str = Field(
        default="",
        description="the audience of tokens for the API; empty: the API takes no tokens",
    )
    client_id: str = Field(
        default="",
        description="the client by which people sign in at the admin; empty: they sign in by password",
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="the secret of that client; empty: a public client"
    )
    name: str = Field(
        default="single sign-on",
        description="the provider's name on the page to sign in",
        min_length=1,
        max_length=40,
    )
    scopes: list[str] = Field(
        default=["openid", "profile"],
        description="JSON list of the scopes that a sign-in asks for; some providers send groups for one of their own",
    )
    algorithms: Annotated[list[AsymmetricAlgorithm], Field(min_length=1)] = Field(
        default=["RS256", "PS256", "ES256"],
        description="JSON list of the algorithms by which tokens may be signed; asymmetric ones only",
    )
    groups_claim: str = Field(
        default="groups",
        description="the claim that lists groups; a dot leads into an object: realm_access.roles",
        min_length=1,
    )
    groups: dict[str, list[Grant]] = Field(
        default={},
        description='JSON: a group, and its roles in tenants: {"ml": [{"tenant": "acme", "role": "operator"}]}',
    )
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        default=30, description="how far the clocks of the provider and of the service may differ"
    )
    max_token_seconds: Positive = Field(
        default=86_400, description="the longest that a token for the API may still be valid"
    )
    keys_seconds: Positive = Field(
        default=600, description="how old the provider's keys may be; then they are fetched again"
    )
    keys_seconds_away: Annotated[int, Field(ge=0)] = Field(
        default=3600, description="how much longer they are used while the provider is away"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.issuer and not (self.audience or self.client_id):
            raise ValueError("ISSUER needs AUDIENCE for the API, CLIENT_ID for the admin, or both")
        if not self.issuer and (self.audience or self.client_id or self.groups):
            raise ValueError("the other settings need ISSUER")
        if self.audience and self.audience == self.client_id:
            raise ValueError(
                "AUDIENCE must differ from CLIENT_ID: a token of a sign-in is none for the API"
            )
        return self

    @property
    def takes_tokens(self) -> bool:
        """True if the API takes tokens of the provider."""
        return bool(self.issuer and self.audience)

    @property
    def signs_in(self) -> bool:
        """True if people may sign in at the admin by the provider."""
        return bool(self.issuer and self.client_id)


class SignIn(Group):
    passwords: bool = Field(
        default=True,
        description="people may sign in by password; false: only by the identity provider",
    )
    second_factor: Literal["admins", "everyone", "nobody"] = Field(
        default="admins",
        description="who must add a code of an app to the password: admins, everyone or nobody; only with an "
        "encryption key",
    )
    idle_seconds: Positive = Field(
        default=8 * 3600, description="how long a session lasts without a request"
    )
    session_seconds: Positive = Field(
        default=24 * 3600, description="how long a session lasts at most"
    )


class Throttle(Group):
    requests_per_key: Positive = Field(
        default=6000, description="requests of one API key, or of one person, in a minute"
    )
    requests_per_tenant: Positive = Field(
        default=12_000, description="requests of all keys and people of a tenant in a minute"
    )
    anonymous_requests_per_address: Positive = Field(
        default=300, description="requests without a key or a session from one address in a minute"
    )
    wrong_keys_per_address: Positive = Field(
        default=20,
        description="requests with a wrong key from one address in a minute; right keys go on",
    )
    passwords_per_account: Positive = Field(
        default=5, description="passwords tried for one account in a quarter of an hour"
    )
    passwords_per_address: Positive = Field(
        default=20, description="passwords tried from one address in a quarter of an hour"
    )
    max_hashes: Positive = Field(
        default=1,
        description="passwords that one process checks at once; twice as many wait, others get 503",
    )
    trusted_proxies: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="proxies before web whose X-Forwarded-For is believed; 0 takes the connection's address",
    )


class Keys(Group):
    days: Positive = Field(
        default=365, description="days until a new API key expires, if nothing else is asked for"
    )
    longest_days: Positive = Field(
        default=730,
        description="the most days that can be asked for; a key can be made without end",
    )
    overlap_days: Annotated[int, Field(ge=0)] = Field(
        default=7, description="days that a rotated key is still answered"
    )


class Quotas(Group):
    monitors: Limit = Field(default=10_000, description="monitors of a tenant")
    keys: Limit = Field(
        default=100, description="API keys of a tenant that are neither revoked nor expired"
    )
    runs_per_day: Limit = Field(default=1_000_000, description="runs of a tenant on one day (UTC)")
    outcome_rows_per_day: Limit = Field(
        default=1_000_000_000, description="outcomes that a tenant sends on one day (UTC)"
    )
    bytes_read_per_day: Limit = Field(
        default=2**40, description="bytes of a tenant's data that workers read on one day (UTC)"
    )
    storage_bytes: Limit = Field(
        default=100 * 2**30,
        description="bytes that a tenant's baselines, reports, outcomes and sent rows take",
    )


class Environment(BaseSettings):
    """The typed environment; `load` is the way to get it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    secret_key: SecretStr = Field(
        description="Django's signing key: any long random text", min_length=32
    )
    debug: bool = Field(default=False, description="Django's debug pages; never in production")
    allowed_hosts: list[str] = Field(
        default=[], description="JSON list of the host names the service answers to"
    )
    csrf_trusted_origins: list[str] = Field(
        default=[], description="JSON list of origins, when behind a TLS proxy"
    )
    public_url: PublicUrl = Field(
        default="",
        description="where people open the service, https://drift.example.com; events link there",
    )
    static_root: Path = Field(
        default=Path(".state/static"), description="where collectstatic puts the admin's files"
    )

    database: Database
    redis: Redis
    kafka: Kafka
    data: Data = Data()
    web: Web = Web()
    log: Log = Log()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()
    runs: Runs = Runs()
    jobs: Jobs = Jobs()
    alerts: Alerts = Alerts()
    budget: BudgetDefaults = BudgetDefaults()
    reports: Reports = Reports()
    outcomes: Outcomes = Outcomes()
    events: Events = Events()
    audit: Audit = Audit()
    notifier: Notifier = Notifier()
    smtp: Smtp = Smtp()
    encryption: Encryption = Encryption()
    heartbeat: HeartbeatAddress = HeartbeatAddress()
    oidc: Oidc = Oidc()
    sign_in: SignIn = SignIn()
    throttle: Throttle = Throttle()
    quotas: Quotas = Quotas()
    keys: Keys = Keys()

    @model_validator(mode="after")
    def _has_secrets_of_its_own(self) -> Self:
        keys = [self.secret_key, self.encryption.key, *self.encryption.old_keys]
        is_local = LOOPBACK.issuperset(self.allowed_hosts)
        if not is_local and any(_is_example(key.get_secret_value()) for key in keys):
            raise ValueError(
                "SECRET_KEY and ENCRYPTION__KEY must be secrets of your own where others can reach the service"
            )
        return self

    drift_threshold_ks: Share = Field(default=0.05, description="KS: significance level")
    drift_threshold_psi: PositiveFloat = Field(default=0.2, description="PSI: drift at and above")
    drift_threshold_chi2: Share = Field(default=0.05, description="chi-squared: significance level")
    drift_warning_threshold_psi: PositiveFloat = Field(
        default=0.1, description="PSI: warning at and above"
    )
    effect_tolerance_ks: Share = Field(
        default=0.035, description="KS: the smallest distance D that matters"
    )
    effect_tolerance_chi2: Share = Field(
        default=0.1, description="chi-squared: the smallest Le Cam distance that matters"
    )
    min_rows: Positive = Field(
        default=50, description="rows below which a feature's verdict is insufficient_data"
    )

    adwin_delta: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.05,
        description="ADWIN: confidence; 0.05 is calibrated for errors of 0 and 1, river has 0.002",
    )
    adwin_max_buckets: Positive = Field(default=5, description="ADWIN: buckets of one size kept")
    ddm_warning_level: PositiveFloat = Field(
        default=2.0, description="DDM: standard deviations to a warning"
    )
    ddm_drift_level: PositiveFloat = Field(
        default=3.25,
        description="DDM: standard deviations to drift; 3.25 is calibrated, river has 3",
    )
    ddm_min_num_instances: Positive = Field(
        default=1000,
        description="DDM: observations before it judges; 1000 is calibrated, river has 30",
    )
    effect_tolerance_concept: PositiveFloat = Field(
        default=0.05,
        description="detectors: the smallest change of the error rate that matters, as Cohen's h",
    )

    retraining_trigger_enabled: bool = Field(
        default=True, description="publish drift.retraining_required"
    )
    retraining_cooldown_seconds: Annotated[int, Field(ge=0)] = Field(
        default=3600, description="rest between two requests for a model"
    )

    @model_validator(mode="after")
    def _someone_can_sign_in(self) -> Self:
        if not self.sign_in.passwords and not self.oidc.signs_in:
            raise ValueError(
                f"{variable_name('sign_in', 'passwords')}=false needs {variable_name('oidc', 'client_id')}"
            )
        return self


def load() -> Environment:
    """Read the environment, or stop the process with one sentence per wrong, missing or unknown variable."""
    problems = [f"{name} is not a setting of this service." for name in _unknown_names(os.environ)]
    try:
        environment = Environment()
    except SettingsError as error:
        problems.append(_json_sentence(str(error)))
    except ValidationError as error:
        problems += [
            _sentence(tuple(map(str, item["loc"])), item["msg"]) for item in error.errors()
        ]
    if problems:
        _stop(problems)
    return environment


def variable_name(*path: str) -> str:
    """The environment variable of a setting: `database`, `url` -> `AUMOS_DRIFT_DATABASE__URL`."""
    return PREFIX + "__".join(part.upper() for part in path)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the packages around it
        return False


def _unknown_names(variables: Mapping[str, str]) -> list[str]:
    names = [
        name for name in variables if name.startswith(PREFIX) and not name.startswith(DEMO_PREFIX)
    ]
    known = Environment.model_fields
    return sorted(
        name for name in names if name.removeprefix(PREFIX).split("__")[0].lower() not in known
    )


def _json_sentence(message: str) -> str:
    field = message.split('"')[
        1
    ]  # pydantic-settings names the group only: 'error parsing value for field "data" …'
    names = sorted(name for name in os.environ if name.startswith(variable_name(field)))
    return f"{' or '.join(names)} is wrong: lists and maps are written as JSON."


def _sentence(path: tuple[str, ...], message: str) -> str:
    """The sentence about a setting; a whole group has one for each setting that it requires."""
    if not path:
        return f"{message.removeprefix(OWN)}."
    group = _group_of(path[0]) if len(path) == 1 else None
    if group is None or message.startswith(OWN):
        return _explanation(path, message)
    return " ".join(_explanation((path[0], name), message) for name in _required_settings(group))


def _group_of(name: str) -> type[Group] | None:
    field = Environment.model_fields.get(name)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def _required_settings(group: type[Group]) -> list[str]:
    return [name for name, field in group.model_fields.items() if field.is_required()]


def _explanation(path: tuple[str, ...], message: str) -> str:
    parts = [part for part in path if not part.isdecimal()]  # without the place in a list
    sentence = SENTENCES.get(message, "{name} is wrong: {reason}.")
    return sentence.format(name=variable_name(*parts), reason=message.removeprefix(OWN))


def _stop(problems: list[str]) -> NoReturn:
    sys.exit("\n".join([*problems, "The settings are explained in .env.example."]))
