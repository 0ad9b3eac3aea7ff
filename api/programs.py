"""The processes of `recon up`: what each one runs, in which environment, and how it is ended."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Final

from api.bound import COMMAND, PARENT
from api.child import Program
from conf.settings import Settings
from flows.prefect_environment import client_environment, home, server_environment
from flows.serving_prefect import COMMAND as PREFECT

LISTEN = "RECON_LISTEN_FD"
CHILD = "from api.cli import main; main()"
#: a worker finishes its page within 10 s; a little more lets it say so
WORKER_STOPS = ((signal.SIGTERM, 12.0),)
API_STOPS = ((signal.SIGTERM, 6.0),)
#: one SIGTERM is not always enough for Prefect
PREFECT_STOPS = ((signal.SIGTERM, 6.0), (signal.SIGINT, 4.0))


ONE_HEAP: Final = {"MALLOC_ARENA_MAX": "1"}
"""Our threads take turns at the interpreter's lock: a heap for each would only keep what another one could use."""


def settings_environment(settings: Settings) -> dict[str, str]:
    """The settings as `RECON_*`, for a process that is to have the same."""
    found = settings.model_copy(
        update={"project": settings.project.resolve(), "data": settings.data.resolve()}
    ).model_dump(mode="json", exclude_none=True)
    return {f"RECON_{name.upper()}": str(value) for name, value in found.items()}


def prefect_program(settings: Settings, port: int) -> Program:
    """`prefect server start` on loopback, its files in the data folder."""
    server = (sys.executable, *PREFECT, "server", "start")
    environment = server_environment(settings, port, os.environ)
    return Program(
        "prefect",
        (sys.executable, *COMMAND, *server, "--host", "127.0.0.1", "--port", str(port)),
        environment | {PARENT: str(os.getpid())},
        PREFECT_STOPS,
        output=home(settings) / "server.log",
    )


def api_program(settings: Settings, listener: socket.socket) -> Program:
    """The web server, on a socket that outlives it."""
    handle = listener.fileno()
    return Program(
        "api",
        own("api"),
        _environment(settings, os.environ) | {LISTEN: str(handle)},
        API_STOPS,
        handles=(handle,),
    )


def worker_program(settings: Settings, number: int) -> Program:
    """A worker; it talks to the Prefect server that the settings name, if any."""
    inherited: Mapping[str, str] = os.environ
    if settings.prefect_api and settings.executor == "prefect":
        inherited = client_environment(settings, settings.prefect_api, os.environ)
    name = "worker" if number == 1 else f"worker {number}"
    return Program(name, own("worker"), _environment(settings, inherited), WORKER_STOPS)


def own(name: str) -> tuple[str, ...]:
    """`recon _child NAME`, whatever folder we stand in and however we were started."""
    return (sys.executable, "-P", "-c", CHILD, "_child", name)


def _environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    return {**ONE_HEAP, **inherited, **settings_environment(settings), PARENT: str(os.getpid())}
