"""Waking a worker at once: a datagram on loopback, whose address and secret stand in the data folder.

A lost datagram costs one poll, so nothing here waits, retries or fails.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import orjson

LONGEST = 512
_LOG = logging.getLogger(__name__)


def alive(pid: int) -> bool:
    """Whether a process with this id is running on this machine."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class WakeSocket:
    """Where this worker hears that there is something to do; known to others by `worker-<id>.json`."""

    def __init__(self, data: Path, worker: str, heard: Callable[[str], None]) -> None:
        self._file = data / f"worker-{worker}.json"
        self._heard = heard
        self._secret = secrets.token_hex(16)
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Listen, and say where in the data folder (mode 0600); files of dead workers are removed."""
        forget_dead(self._file.parent)
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ear(self._take), local_addr=("127.0.0.1", 0)
        )
        port = self._transport.get_extra_info("sockname")[1]
        content = orjson.dumps({"port": port, "secret": self._secret, "pid": os.getpid()})
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.replace(self._file)

    def close(self) -> None:
        """Stop listening and withdraw the address."""
        self._file.unlink(missing_ok=True)
        if self._transport is not None:
            self._transport.close()

    def _take(self, message: bytes) -> None:
        secret, _, what = message[:LONGEST].decode("ascii", "replace").partition(" ")
        if hmac.compare_digest(secret.encode(), self._secret.encode()):
            self._heard(what)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self._take(data)


def wake_by_files(data: Path) -> Callable[[str], None]:
    """A function that wakes every worker of this data folder: `run`, `intent` or `schedule`."""

    def wake(what: str) -> None:
        for file in data.glob("worker-*.json"):
            if (address := _read(file)) is None:
                continue
            port, secret = address
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.setblocking(False)
                    sender.sendto(f"{secret} {what}".encode(), ("127.0.0.1", port))
            except OSError:
                _LOG.debug("a worker could not be woken", exc_info=True)

    return wake


def forget_dead(data: Path) -> None:
    """Remove the addresses of workers that are no more."""
    for file in data.glob("worker-*.json"):
        _read(file)


def _read(file: Path) -> tuple[int, str] | None:
    """Port and secret of a live worker; the file of a dead one is removed."""
    try:
        content = orjson.loads(file.read_bytes())
        port, secret, pid = int(content["port"]), str(content["secret"]), int(content["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not alive(pid):
        file.unlink(missing_ok=True)
        return None
    return port, secret
