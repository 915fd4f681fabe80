"""A small OpenID provider as a process of its own: it answers with what a file says at that moment."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STATE = Path(sys.argv[1])


class Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        state = json.loads(STATE.read_text())
        with STATE.with_suffix(".log").open("a") as log:
            log.write(f"{self.path}\n")
        time.sleep(state.get("delay", 0))
        answer = state["answers"].get(self.path)
        self.send_response(state.get("status", 200) if answer is not None else 404)
        for name, value in state.get("headers", {}).items():
            self.send_header(name, value)
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        STATE.with_suffix(".posted").write_bytes(body)
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written but the state's log."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_port, flush=True)
    server.serve_forever()
