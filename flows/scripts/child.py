"""The killable process: one JavaScript context at the other end of two pipes.

Started as a file with `-I -S`, so it imports nothing of ours; it moves texts and understands none of them. It has an
empty environment, no descriptors but its pipes, and gives up what rights it has before the first script arrives.

A frame is a length of four bytes, one byte for its kind, and the text.
"""

import importlib
import os
import resource
import signal
import sys
from typing import Any

NOBODY = 65534
BEGIN, RESET, DEFINE, RUN, ANSWER = b"B", b"R", b"D", b"X", b"A"
DONE, FAILED, ASK = b"V", b"F", b"C"


def read_exactly(size: int) -> bytes:
    """Bytes from the parent; ends the process when it is gone."""
    found = bytearray()
    while len(found) < size:
        part = os.read(0, size - len(found))
        if not part:
            os._exit(0)
        found += part
    return bytes(found)


def receive() -> tuple[bytes, str]:
    head = read_exactly(5)
    return head[4:], read_exactly(int.from_bytes(head[:4], "big")).decode()


def send(kind: bytes, text: str) -> None:
    body = text.encode()
    rest = memoryview(len(body).to_bytes(4, "big") + kind + body)
    while rest:
        rest = rest[os.write(1, rest) :]


class Contexts:
    """The context of the moment, and the scripts that it was given."""

    def __init__(self, engine: Any, memory: int, seconds: float) -> None:
        self.engine, self.memory, self.seconds = engine, memory, seconds
        self.beginning: list[str] = []
        self.host: Any = None
        self.scripts: list[Any] = []

    def reset(self, settings: str) -> str:
        """A fresh context: nothing of earlier scripts is left."""
        self.host, self.scripts = None, []
        context = self.engine.Context()
        context.set_memory_limit(self.memory)
        context.add_callable("__ask", self.ask)
        prelude, *extensions = self.beginning
        self.host = context.eval(prelude)
        for text in extensions:
            if (extension := context.eval(text)) is not None:
                self.host("extend", extension)
        self.host("settings", settings)
        return ""

    def begin_with(self, text: str) -> str:
        """One more text that every context starts with."""
        self.beginning.append(text)
        return ""

    def define(self, definition: str) -> str:
        self.scripts.append(self.host("one", definition))
        return ""

    def run(self, text: str) -> str:
        number, _, scope = text.partition(" ")
        self.arm()
        try:
            answer: str = self.scripts[int(number)](scope)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return answer

    def arm(self) -> None:
        """The kernel ends this process if the parent, which watches the clock, cannot any more."""
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def ask(self, what: str, text: str) -> str:
        """Called by scripts. It must not raise: the engine does not pass on a Python error."""
        send(ASK, what + " " + text)
        if what == "log":
            return ""
        signal.setitimer(signal.ITIMER_REAL, 0)
        _kind, answer = receive()
        self.arm()
        return answer


def give_up_rights() -> None:
    """Little memory, no files, no processes, nobody's user: there is nothing here that a script could call anyway."""
    for limit, most in (
        (resource.RLIMIT_AS, 512 * 2**20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 8),
        (resource.RLIMIT_NPROC, 0),
    ):
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):
            continue
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        except OSError:
            return


def main() -> None:
    sys.path.append(sys.argv[1])
    engine = importlib.import_module("_quickjs")
    contexts = Contexts(engine, int(sys.argv[2]), float(sys.argv[3]))
    give_up_rights()
    acts = {BEGIN: contexts.begin_with, RESET: contexts.reset, DEFINE: contexts.define, RUN: contexts.run}
    while True:
        kind, text = receive()
        try:
            send(DONE, acts[kind](text))
        except Exception as problem:
            send(FAILED, str(problem))


if __name__ == "__main__":
    main()
