"""A cable between the service and a server that can be cut."""

import socket
from contextlib import suppress
from threading import Lock, Thread

LOOPBACK = "127.0.0.1"
CHUNK = 1 << 16


class Link:
    """Forwards TCP connections to a server; cut, it drops them all and refuses new ones."""

    def __init__(self, target: int) -> None:
        """Listen on a free loopback port, for the server on the port `target`."""
        self._target = target
        self._guard = Lock()
        self._ends: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Refuse and drop everything until it is restored."""
        self._listener.shutdown(socket.SHUT_RDWR)  # or `accept` would go on waiting
        self._listener.close()
        with self._guard:
            ends, self._ends = self._ends, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Listen again, where it did before."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((LOOPBACK, port))
        Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection((LOOPBACK, self._target))
            except OSError:
                if listener.fileno() < 0:
                    return
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self._ends |= {near, far}
            for source, sink in ((near, far), (far, near)):
                Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()  # the other pump closes the other end
        with self._guard:
            self._ends.discard(source)
