"""A launcher for the tests: the real one, with small processes in place of the service's.

Usage: fake_service.py FOLDER PORT NAME=CODE …
"""

import sys
from pathlib import Path

from drift_detector.embedded.processes import Process
from drift_detector.embedded.service import ROOT, Service, serve

WEB = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def prepare(service: Service) -> None:
    """Write what `seed_demo` would."""
    service.demo_file.write_text(
        "AUMOS_DRIFT_DEMO_API_KEY=adk_demo\nAUMOS_DRIFT_DEMO_ADMIN_USER=admin\n"
    )


def main() -> int:
    folder, port, *others = sys.argv[1:]
    processes = [Process("web", "app", [sys.executable, "-c", WEB, port])]
    for other in others:
        name, _, code = other.partition("=")
        processes.append(Process(name, "relay", [sys.executable, "-c", code]))
    return serve(Path(folder), root=ROOT, port=int(port), processes=processes, prepare=prepare)


if __name__ == "__main__":
    sys.exit(main())
