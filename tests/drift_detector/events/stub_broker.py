"""A broker that has no topic for anybody: Tansu makes each on first use, and knows no rights."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID = 0, 3, 18, 22
SUPPORTED = {PRODUCE: 3, METADATA: 1, API_VERSIONS: 0, INIT_PRODUCER_ID: 0}
UNSUPPORTED_VERSION = 35


class StubBroker(ThreadingTCPServer):
    """Answers as much of Kafka's protocol as a producer needs to hear the same error of each topic."""

    daemon_threads = True
    error = 0

    def api_versions(self, version: int, _: bytes) -> bytes:
        apis = b"".join(struct.pack(">hhh", key, 0, most) for key, most in SUPPORTED.items())
        return struct.pack(">hi", UNSUPPORTED_VERSION if version else 0, len(SUPPORTED)) + apis

    def metadata(self, _: int, body: bytes) -> bytes:
        host, port = self.server_address[:2]
        brokers = struct.pack(">ii", 1, 1) + _string(str(host)) + struct.pack(">ih", port, -1)
        topics = [
            struct.pack(">h", self.error) + _string(name) + struct.pack(">?i", False, 0)
            for name in _names(body)
        ]
        return brokers + struct.pack(">ii", 1, len(topics)) + b"".join(topics)

    def init_producer_id(self, _: int, __: bytes) -> bytes:
        return struct.pack(">ihqh", 0, 0, 1, 0)


class _Handler(StreamRequestHandler):
    server: StubBroker

    def handle(self) -> None:
        answers: dict[int, Callable[[int, bytes], bytes]] = {
            API_VERSIONS: self.server.api_versions,
            METADATA: self.server.metadata,
            INIT_PRODUCER_ID: self.server.init_producer_id,
        }
        while size := self.rfile.read(4):
            request = self.rfile.read(*struct.unpack(">i", size))
            key, version, correlation, client = struct.unpack_from(">hhih", request)
            answer = struct.pack(">i", correlation) + answers[key](version, request[10 + client :])
            self.wfile.write(struct.pack(">i", len(answer)) + answer)


@contextmanager
def broker_without_topics(error: int) -> Iterator[str]:
    """The address of a broker that says this of each topic that it is asked for."""
    with StubBroker(("127.0.0.1", 0), _Handler) as broker:
        broker.error = error
        Thread(target=broker.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{broker.server_address[1]}"
        broker.shutdown()


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _names(body: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from(">i", body)
    place = 4
    for _ in range(count):
        (length,) = struct.unpack_from(">h", body, place)
        yield body[place + 2 : place + 2 + length].decode()
        place += 2 + length
