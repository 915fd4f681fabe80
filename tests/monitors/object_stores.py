"""A real S3 server (moto), and when it checks who asks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

ANSWER_SECONDS = 60
"""A limit for what hangs; a loaded machine is slow."""


@contextmanager
def serve_s3() -> Iterator[str]:
    """The address of an empty server; moto keeps what is stored for a whole process, and other modules store too."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    _tell(endpoint, "reset", "")
    yield endpoint
    server.stop()


@contextmanager
def checked_signatures(endpoint: str) -> Iterator[None]:
    """The server refuses what IAM does not allow."""
    _tell(endpoint, "reset-auth", "0")
    yield
    _tell(endpoint, "reset-auth", "1000000000")


def _tell(endpoint: str, what: str, content: str) -> None:
    url, kind = f"{endpoint}/moto-api/{what}", {"Content-Type": "text/plain"}
    urlopen(Request(url, content.encode(), kind), timeout=ANSWER_SECONDS).close()
