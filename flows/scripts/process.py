"""Killable processes for scripts that call out: started when needed, kept warm, ended by the clock.

The process does the JavaScript; what it asks for on the way is answered here, by the caller of `run`, in its thread.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Final

from conf.errors import Unavailable
from flows.scripts import child
from flows.scripts.failures import ScriptFailed, ran_too_long, took_too_much
from flows.scripts.javascript import beginning, engine
from flows.scripts.limits import Limits

Answer = Callable[[str, str], str]
"""`answer(what, json)`: what a script asks for on the way, `call`, `module`, `file` or `log`."""

_GRACE: Final = 1.0
"""Seconds that the process's own alarm gives the parent to be first."""
_START_SECONDS: Final = 30.0
"""Of starting a process and compiling in it, which the limits of a script do not count."""
_HEAD: Final = 5
_OVERHEAD: Final = 1024
"""Bytes of an answer beyond its value."""


class Died(Exception):
    """The process ended by itself."""


class ScriptProcess:
    """One process with one context. Used by one thread at a time; after an error it is dead."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-B",
                child.__file__,
                str(Path(engine().__file__).parent),
                str(limits.memory_bytes),
                str(limits.process_seconds + _GRACE),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the parent, whose end closes the pipe
        )
        self.close = weakref.finalize(self, _end, self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._buffer = bytearray()
        for text in beginning(isolated=True):
            self._exchange(child.BEGIN, text, "", _START_SECONDS)

    @property
    def pid(self) -> int:
        return self._process.pid

    def reset(self, settings: str) -> None:
        """Forget everything; `settings` is what scripts may know of the project."""
        self._exchange(child.RESET, settings, "", _START_SECONDS)

    def define(self, definition: str, where: str) -> None:
        """Give it one more script; scripts count from 0 since the last reset."""
        self._exchange(child.DEFINE, definition, where, _START_SECONDS)

    def run(self, number: int, scope: str, where: str, answer: Answer) -> str:
        """Run a script; raises ScriptFailed when the process did not survive it, and passes on what `answer` raises."""
        return self._exchange(child.RUN, f"{number} {scope}", where, self._limits.process_seconds, answer)

    def _exchange(
        self, kind: bytes, text: str, where: str, seconds: float, answer: Answer | None = None
    ) -> str:
        try:
            return self._talk(kind, text, where, seconds, answer or _no_answer)
        except TimeoutError:
            self.close()
            raise ran_too_long(where, seconds) from None
        except (Died, OSError) as problem:
            self.close()
            # its own alarm was first: the time that answers take here is not counted against it
            if self._process.returncode == -signal.SIGALRM:
                raise ran_too_long(where, seconds) from None
            raise ScriptFailed(
                f"the script's process ended unexpectedly{self._cause()}", where=where
            ) from problem
        except BaseException:
            self.close()
            raise

    def _talk(self, kind: bytes, text: str, where: str, left: float, answer: Answer) -> str:
        self._send(kind, text)
        while True:
            begun = monotonic()
            kind, found = self._receive(begun + left, where)
            left -= monotonic() - begun
            if kind == child.DONE:
                return found
            if kind == child.FAILED:
                raise self._failed(found, where)
            what, _, asked = found.partition(" ")
            given = answer(what, asked)
            if what != "log":
                self._send(child.ANSWER, given)

    def _failed(self, problem: str, where: str) -> ScriptFailed:
        first = problem.partition("\n")[0]
        if "out of memory" in first or first in {"", "null"} or first.startswith("(Failed obtaining"):
            return took_too_much(where, self._limits.memory_bytes)
        return ScriptFailed(first, where=where)

    def _send(self, kind: bytes, text: str) -> None:
        body = text.encode()
        rest = memoryview(len(body).to_bytes(4, "big") + kind + body)
        while rest:
            rest = rest[os.write(self._in, rest) :]

    def _receive(self, deadline: float, where: str) -> tuple[bytes, str]:
        self._fill(_HEAD, deadline)
        size = int.from_bytes(self._buffer[:4], "big")
        if size > self._limits.value_bytes + _OVERHEAD:
            raise ScriptFailed(
                f"the script's value is larger than {self._limits.value_bytes // 2**20} MiB", where=where
            )
        self._fill(_HEAD + size, deadline)
        kind, body = bytes(self._buffer[4:_HEAD]), self._buffer[_HEAD : _HEAD + size].decode()
        del self._buffer[: _HEAD + size]
        return kind, body

    def _fill(self, size: int, deadline: float) -> None:
        """Read until the buffer holds that many bytes; raises TimeoutError."""
        while len(self._buffer) < size:
            if not self._poll.poll(max(0.0, deadline - monotonic()) * 1000):
                raise TimeoutError
            part = os.read(self._out, 262144)
            if not part:
                raise Died
            self._buffer += part

    def _cause(self) -> str:
        code = self._process.returncode
        return f" (signal {-code})" if code is not None and code < 0 else ""


class ProcessPool:
    """The processes of one host: at most `limits.processes` at once, a few of them kept warm."""

    def __init__(self, limits: Limits, warm: int = 2) -> None:
        self._limits = limits
        self._warm = warm
        self._idle: list[ScriptProcess] = []
        self._lock = Lock()
        self._free = BoundedSemaphore(limits.processes)
        self._closed = False

    def take(self, settings: str) -> ScriptProcess:
        """A process with a fresh context; raises Unavailable when none gets free in time."""
        if not self._free.acquire(timeout=self._limits.process_seconds):
            raise Unavailable("Too many scripts run at once; try again later")
        try:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is not None:
                try:
                    found.reset(settings)
                except ScriptFailed:  # it died while it was idle
                    found = None
            if found is None:
                found = ScriptProcess(self._limits)
                found.reset(settings)
        except BaseException:
            self._free.release()
            raise
        return found

    def give_back(self, process: ScriptProcess) -> None:
        """Keep it for the next session, if it lives and there is room."""
        with self._lock:
            keep = process.close.alive and len(self._idle) < self._warm and not self._closed
            if keep:
                self._idle.append(process)
        if not keep:
            process.close()
        self._free.release()

    def close(self) -> None:
        """End the idle ones now, and the others when they are given back."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for process in idle:
            process.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


def _no_answer(_what: str, _asked: str) -> str:
    return "null"
