"""A relay between a client and a server of this machine, which may be told to fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes everything on, in threads of its own."""

    def __init__(self, port: int | None, *, host: str = "127.0.0.1") -> None:
        self._target = port
        """None: nobody is there, and nothing is answered."""
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.limit: int | None = None
        """Bytes of answers that come through on one line."""
        self.answer: bytes | None = None
        """Said instead of what the server says; then the line is closed."""
        self.forget = b""
        """A request with these bytes in its head goes through, and its answer does not."""
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all lines."""
        while self._lines:
            line = self._lines.pop()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._lines.append(near)
                threading.Thread(target=self._serve, args=[near], daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError):
            if self.answer is not None:
                near.recv(100)
                near.sendall(self.answer)
                near.shutdown(socket.SHUT_RDWR)
            elif self._target is not None:
                far = socket.create_connection(("127.0.0.1", self._target))
                self._lines.append(far)
                threading.Thread(target=self._back, args=[far, near], daemon=True).start()
                while data := near.recv(65536):
                    if self.forget and self.forget in data[5:12]:
                        self.limit = 0
                    far.sendall(data)
                far.shutdown(socket.SHUT_WR)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := far.recv(65536):
                if self.limit is not None:
                    data = data[: max(self.limit - passed, 0)]
                passed += len(data)
                if data:
                    near.sendall(data)
                elif self.forget:
                    near.shutdown(socket.SHUT_RDWR)
            near.shutdown(socket.SHUT_WR)


@contextmanager
def relaying(port: int | None, *, host: str = "127.0.0.1") -> Iterator[Relay]:
    relay = Relay(port, host=host)
    try:
        yield relay
    finally:
        relay.close()
