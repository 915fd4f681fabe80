"""Apache Kafka with TLS, logins (SCRAM) and rights, as an installation should have it."""

import re
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from drift_detector.embedded.apache_kafka import ApacheKafka
from drift_detector.embedded.state import LOOPBACK, State
from tests.drift_detector.events.certificates import Authority

OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
LOGINS = ("admin", "relay", "consumer", "sender-acme", "sender-rival", "stranger")
# | `relay` | topics that begin with `drift.` | write, describe | …
RIGHT = re.compile(
    r"^\| `([\w{}-]+)` \| (topic|topics that begin with|group) `([^`]+)` \| ([a-z, ]+) \|", re.M
)


class SecuredKafka(ApacheKafka):
    """Refuses each client that lacks a certificate, a login or a right."""

    def __init__(self, state: State, authority: Authority) -> None:
        super().__init__(state, durable=True)
        self.authority = authority
        self._inner_port = state.new_port("kafka_inner")
        certificate, key = authority.sign("broker")
        self._keys = state.folder / "broker-keys.pem"
        self._keys.write_bytes(key.read_bytes() + certificate.read_bytes())

    def password(self, login: str) -> str:
        return self.state.secret(f"kafka_{login}")

    def settings_of(self, login: str) -> dict[str, str | int | float | bool]:
        """The librdkafka properties of a client with this login."""
        return {
            "bootstrap.servers": self.url,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": login,
            "sasl.password": self.password(login),
            "ssl.ca.location": str(self.authority.file),
        }

    def admin_settings(self) -> dict[str, str | int | float | bool]:
        return self.settings_of("admin")

    def properties(self) -> dict[str, str]:
        common = super().properties()
        inner = f"INNER://{LOOPBACK}:{self._inner_port}"
        login = "listener.name.clients.scram-sha-512.sasl.jaas.config"
        return common | {
            "listeners": f"{common['listeners']},{inner}",
            "advertised.listeners": f"{common['advertised.listeners']},{inner}",
            "inter.broker.listener.name": "INNER",
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT,INNER:PLAINTEXT",
            "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            login: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "listener.name.clients.ssl.keystore.type": "PEM",
            "listener.name.clients.ssl.keystore.location": str(self._keys),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The broker itself is anonymous, on listeners that no client is given.
            "super.users": "User:admin;User:ANONYMOUS",
            "auto.create.topics.enable": "false",
        }

    def format_arguments(self) -> list[str]:
        return [
            f"--add-scram=SCRAM-SHA-512=[name={login},password={self.password(login)}]"
            for login in LOGINS
        ]


def grant_documented_rights(broker: SecuredKafka, *tenants: str) -> None:
    """Grant what the table in docs/operations.md lists, and nothing else."""
    rights = {right for tenant in tenants for right in documented_rights(tenant)}
    admin = AdminClient(broker.admin_settings())
    for granted in admin.create_acls(list(rights)).values():
        granted.result(10)


def documented_rights(tenant: str) -> list[AclBinding]:
    """The table's rights, with a tenant's slug where it has `{tenant}`."""
    rows = RIGHT.findall(OPERATIONS.read_text())
    return [
        _right(login.replace("{tenant}", tenant), kind, name.replace("{tenant}", tenant), operation)
        for login, kind, name, operations in rows
        for operation in operations.split(", ")
    ]


def _right(login: str, kind: str, name: str, operation: str) -> AclBinding:
    is_prefix = kind == "topics that begin with"
    return AclBinding(
        ResourceType.GROUP if kind == "group" else ResourceType.TOPIC,
        name,
        ResourcePatternType.PREFIXED if is_prefix else ResourcePatternType.LITERAL,
        f"User:{login}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )
