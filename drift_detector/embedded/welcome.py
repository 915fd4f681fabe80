"""Shows the address and the access to the service, once it answers."""

import shlex
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from drift_detector.embedded import terminal

HEALTH_PATH = "/healthz"
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.1
DEMO_PREFIX = "AUMOS_DRIFT_DEMO_"


def answers(url: str) -> bool:
    """Wait until the service at this address is healthy; False if that takes too long."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with direct.open(url + HEALTH_PATH, timeout=PATIENCE_SECONDS):
                return True
        except OSError:
            time.sleep(POLL_SECONDS)
    return False


def greet(ready: bool, *, url: str, demo_file: Path, metrics: Mapping[str, int]) -> None:
    """Show the addresses and the access to the service, or say that it does not answer."""
    if ready:
        lines = [*_lines(url, read_demo(demo_file)), *metrics_lines(metrics)]
        terminal.box([*lines, "", "Ctrl-C stops everything."])
    else:
        terminal.complain(
            f"{url} has not answered for {PATIENCE_SECONDS} s; its log above may say why."
        )


def read_demo(file: Path) -> dict[str, str]:
    """Read the file of `seed_demo`: its values by the part of their names after `DEMO_`."""
    if not file.exists():
        return {}
    words = shlex.split(file.read_text(), comments=True)
    pairs = (word.split("=", 1) for word in words if word.startswith(DEMO_PREFIX) and "=" in word)
    return {name.removeprefix(DEMO_PREFIX): value for name, value in pairs}


def _lines(url: str, demo: dict[str, str]) -> list[str]:
    lines = [f"The drift detector is ready:  {demo.get('URL', url)}", f"Admin:    {url}/admin/"]
    if "ADMIN_USER" in demo:
        lines.append(f"Sign in:  {demo['ADMIN_USER']} / {demo.get('ADMIN_PASSWORD', '')}")
    if "API_KEY" in demo:
        lines += _key_lines(url, demo["API_KEY"])
    return lines


def _key_lines(url: str, key: str) -> list[str]:
    request = f'curl -H "Authorization: Bearer {key}" {url}/api/v1/monitors'
    return [f"API key:  {key}", "", "Try:", request]


def metrics_lines(ports: Mapping[str, int]) -> list[str]:
    """The address of `/metrics` and `/healthz` of each process."""
    if not ports:
        return []
    return [
        "",
        "/metrics and /healthz:",
        *(f"http://127.0.0.1:{port}  {name}" for name, port in ports.items()),
    ]
