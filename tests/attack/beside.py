"""Asks the service as another tenant does, again and again, and prints how long each answer took.

Usage: beside.py URL KEY. It asks until its standard input is closed, so that it never outlives the measurement.
"""

import json
import sys
import time
from threading import Event, Thread

import requests

PATHS = ("/api/v1/monitors", "/api/v1/dashboard", "/healthz")
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 60


def main() -> None:
    url, key = sys.argv[1:]
    over = Event()
    Thread(target=_end_with_input, args=(over,), daemon=True).start()
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    while not over.is_set():
        for path in PATHS:
            print(json.dumps(_ask(session, url, path)), flush=True)
        over.wait(PAUSE_SECONDS)


def _end_with_input(over: Event) -> None:
    sys.stdin.read()
    over.set()


def _ask(session: requests.Session, url: str, path: str) -> dict[str, float | str | int]:
    began = time.perf_counter()
    try:
        status = session.get(url + path, timeout=PATIENCE_SECONDS).status_code
    except requests.RequestException:
        status = 0
    return {"path": path, "status": status, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    main()
