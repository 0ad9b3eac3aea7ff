"""A server in a temporary folder, which lives as long as a block of code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api import address_file
from api.bound import COMMAND, PARENT
from api.commands import folders
from api.commands.outcome import CommandFailed
from api.ports import free_port

START_SECONDS = 120.0
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.05
RECON = (sys.executable, "-P", "-c", "from api.cli import main; main()")


@dataclass(frozen=True)
class Throwaway:
    """A running server on its own copy of a sample."""

    url: str
    project: Path
    command: str
    """What started it, as one would type it."""
    process: subprocess.Popen[bytes]


@contextmanager
def running(sample: str, executor: str, database: str | None = None) -> Iterator[Throwaway]:
    """Start a server on a free port, and leave neither process nor file behind.

    Its store is in the folder too, unless the address of a database is given, which stays as it is.
    """
    with tempfile.TemporaryDirectory(prefix="recon-demo-", ignore_cleanup_errors=True) as folder:
        project, log = Path(folder, sample), Path(folder, "server.log")
        folders.copy_sample(sample, project)
        arguments = ["up", "-p", str(project), "--port", str(free_port(0)), "--executor", executor]
        if database is not None:
            arguments += ["--database", database]
        with log.open("wb") as output:
            process = subprocess.Popen(
                # bound to us, so that it ends even when we are killed
                [sys.executable, *COMMAND, *RECON, *arguments],
                env=_environment() | {PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        try:
            url = _wait(process, project / ".recon", log)
            yield Throwaway(url, project, " ".join(["recon", *arguments]), process)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server in order; when it does not, kill it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Ours without settings that are meant for another server."""
    foreign = ("RECON_", "OPENIDM_", "PREFECT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _wait(process: subprocess.Popen[bytes], data: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while (url := address_file.find(data)) is None:
        if (code := process.poll()) is not None:
            raise CommandFailed(f"The server ended with code {code} before it was ready.\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise CommandFailed(f"The server was not ready after {START_SECONDS:.0f} s.\n{_tail(log)}")
        time.sleep(LOOK_SECONDS)
    return url


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
