"""Finds the service that the commands talk to, and the key: in the environment, or in the file of `drift login`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drift_detector.commands.subcommand import CommandFailed

URL_VARIABLE, KEY_VARIABLE = "AUMOS_DRIFT_URL", "AUMOS_DRIFT_KEY"
UNKNOWN = f"No service is known. Run drift login URL, or set {URL_VARIABLE} and {KEY_VARIABLE}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConnection:
    """The address of a service, without a slash at its end, and an API key."""

    url: str
    key: str


def get_connection() -> ServiceConnection:
    """The service to talk to.

    Raises:
        CommandFailed: If neither the environment nor the file names one.
    """
    url, key = os.environ.get(URL_VARIABLE), os.environ.get(KEY_VARIABLE)
    if url and key:
        return ServiceConnection(url=check_url(url), key=key)
    if url or key:
        missing = KEY_VARIABLE if url else URL_VARIABLE
        raise CommandFailed(f"{missing} must be set, too.")
    return _read_file(file_of_connection())


def file_of_connection() -> Path:
    """The file that holds the address and the key."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "aumos-drift" / "service.json"


def keep_connection(connection: ServiceConnection) -> Path:
    """Write the file, which only this user can read."""
    path = file_of_connection()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(connection), file)
    new.replace(path)
    return path


def check_url(text: str) -> str:
    """The address of a service.

    Raises:
        CommandFailed: If it is none.
    """
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise CommandFailed(f"The URL must be such as https://drift.example.com, not {text!r}.")
    return text.rstrip("/")


def _read_file(path: Path) -> ServiceConnection:
    if not path.exists():
        raise CommandFailed(UNKNOWN)
    try:
        return ServiceConnection(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise CommandFailed(f"{path} cannot be read; run drift login URL again.") from error
