"""Ports: taking one before anything starts, and saying who has it when it is taken."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from conf.errors import Conflict

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a taken port raises Conflict, in a sentence that names its owner if it can be found.

    Held by the supervisor and handed to the api, so that callers wait, instead of being refused, while it restarts.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Conflict(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        owner = owner_of(port)
        by = f" by process {owner}" if owner else ""
        return f"Port {port} is taken{by}; stop it, or name another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this account; name one above 1023 with --port."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def is_free(port: int) -> bool:
    """Whether a loopback port can be listened on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(wished: int) -> int:
    """The wished loopback port if it is free, else any."""
    if wished and is_free(wished):
        return wished
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owner_of(port: int) -> int | None:
    """Process that listens on a port, where the system tells (Linux, own processes)."""
    inodes = _listening(port)
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            handles = list(folder.iterdir())
        except OSError:
            continue
        for handle in handles:
            try:
                target = str(handle.readlink())
            except OSError:
                continue
            if target.startswith("socket:[") and target[8:-1] in inodes:
                return int(folder.parent.name)
    return None


def _listening(port: int) -> frozenset[str]:
    """Inodes of the sockets that listen on this port."""
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, _, state, *_, inode = line.split()[1:10]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                found.add(inode)
    return frozenset(found)


def handed_over(variable: str = "RECON_LISTEN_FD") -> socket.socket | None:
    """The listening socket that the supervisor handed to this process, if there is one."""
    handle = os.environ.get(variable)
    return None if handle is None else socket.socket(fileno=int(handle))
