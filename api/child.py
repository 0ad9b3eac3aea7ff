"""A process that is kept running until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""A process that lived so long starts again without delay."""
LOG_BYTES = 20_000_000
STANDARD_ERROR = 2

_LOG = logging.getLogger(__name__)

Stops = Sequence[tuple[signal.Signals, float]]
"""What to send, and how long to wait for the end each time; SIGKILL follows."""


@dataclass(frozen=True)
class Program:
    """What to run, and how to end it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stops: Stops
    output: Path | None = None
    """File for what it prints; by default it goes where our own errors go."""
    handles: tuple[int, ...] = ()
    """Open files to hand over."""


@dataclass
class Child:
    """A running program. Its processes form a group of their own, so that Ctrl-C reaches only the supervisor."""

    program: Program
    ended: Callable[[int], Awaitable[None]] | None = None
    """Told the process id after each unexpected end, before the next start."""
    pid: int | None = None
    restarts: int = 0
    _process: asyncio.subprocess.Process | None = None
    _keeper: asyncio.Task[None] | None = None
    _stopping: bool = False
    _pause: float = FIRST_PAUSE_SECONDS
    _output: IO[bytes] | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it, and from now on start it again whenever it ends."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def stop(self, *, at_once: bool = False) -> None:
        """End it and everything it started; returns when nothing is left."""
        self._stopping = True
        if self._process is not None:
            for sent, wait in () if at_once else self.program.stops:
                if self._process.returncode is not None:
                    break
                self._send(sent)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), wait)
            # whatever it left behind in its group
            self._send(signal.SIGKILL)
            await self._process.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._output is not None:
            self._output.close()

    def kill(self) -> None:
        """End it now, while `stop` waits for it."""
        self._send(signal.SIGKILL)

    def _send(self, sent: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, sent)

    async def _launch(self) -> None:
        output = STANDARD_ERROR if self.program.output is None else self._log_file(self.program.output)
        self._process = await asyncio.create_subprocess_exec(
            *self.program.command,
            env=dict(self.program.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=self.program.handles,
            process_group=0,
        )
        self.pid = self._process.pid

    def _log_file(self, path: Path) -> IO[bytes]:
        if self._output is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not path.exists() or path.stat().st_size > LOG_BYTES
            self._output = path.open("wb" if fresh else "ab", buffering=0)
        return self._output

    async def _keep(self) -> None:
        while True:
            process, begun = self._process, time.monotonic()
            if process is None:
                return
            code = await process.wait()
            if self._stopping:
                return
            self._send(signal.SIGKILL)
            await self._report(process.pid, code)
            if time.monotonic() - begun >= STEADY_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self.restarts += 1
            await self._again()

    async def _report(self, pid: int, code: int) -> None:
        how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        _LOG.warning("%s (process %s) %s; it is started again", self.program.name, pid, how)
        if self.ended is not None:
            try:
                await self.ended(pid)
            except Exception:
                _LOG.exception("what was to follow the end of %s failed", self.program.name)

    async def _again(self) -> None:
        while True:
            try:
                await self._launch()
            except OSError as error:
                # out of processes or memory for the moment
                _LOG.warning("%s could not be started: %s", self.program.name, error)
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)
            else:
                return
