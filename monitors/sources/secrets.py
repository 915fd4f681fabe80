"""Secrets by reference: settings and messages name a secret, and only a reading looks it up.

A reference is `env:NAME`, `file:/path`, or `vault:path#key`: the key of a JSON object in a file below the
secrets root, as an agent of Vault or a mount of its driver writes it.
"""

import json
import os
import re
from pathlib import Path

SERVICE_PREFIX = "AUMOS_DRIFT_"
"""The service's own variables are no tenant's secret."""

_REFERENCE = re.compile(
    r"env:(?P<variable>[A-Za-z_][A-Za-z0-9_{}-]*)|file:(?P<file>/[^#\0]+)"
    r"|vault:(?P<path>[^/#\0][^#\0]*)#(?P<key>[^#\0]+)"
)
_PARENT = re.compile(r"(^|/)\.\.(/|$)")


class SecretMissing(Exception):
    """A reference that leads to no secret; its text names neither the secret nor its place."""


def refuse_bad_reference(reference: str) -> None:
    """Refuse a reference that has another form, or leads to the service's own settings.

    Raises:
        ValueError: With a sentence about references; it repeats no part of this one.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None or _PARENT.search(found["file"] or found["path"] or ""):
        raise ValueError("a secret must be env:NAME, file:/path or vault:path#key, without ‘..’")
    if (found["variable"] or "").upper().startswith(SERVICE_PREFIX):
        raise ValueError(f"a secret must not be a variable {SERVICE_PREFIX}… of the service")


def resolve_secret(reference: str, secrets_root: str | None) -> str:
    """The secret behind a reference, as it is now.

    Args:
        reference: A reference in which no `{tenant}` is left.
        secrets_root: The folder below which `vault:` paths lie; None if there is none.

    Raises:
        SecretMissing: If there is no secret, or an empty one.
    """
    refuse_bad_reference(reference)
    kind, _, rest = reference.partition(":")
    try:
        secret = _read(kind, rest, secrets_root)
    except (OSError, ValueError, KeyError, TypeError):
        # The error's text can hold a part of what was read.
        raise SecretMissing from None
    if not secret:
        raise SecretMissing
    return secret


def _read(kind: str, rest: str, secrets_root: str | None) -> str:
    if kind == "env":
        return os.environ[rest]
    if kind == "file":
        return Path(rest).read_text().strip()
    path, _, key = rest.partition("#")
    if secrets_root is None:
        raise KeyError(key)
    secret = json.loads(Path(secrets_root, path).read_text())[key]
    return secret if isinstance(secret, str) else ""
