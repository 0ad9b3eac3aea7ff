"""Failpoints: named places where a test may make this process die, fail or hang; free when none is armed.

`RECON_FAILPOINTS="A5=kill,P13:3=raise"` arms them when the process starts: at A5 it dies as by `kill -9`, at the third
visit of P13 it raises `FailpointReached`; `stall` stops the thread for good. The letters follow the protocol of an
approval: A1 to A8 decide, P1 to P14 perform.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, get_args

from conf.errors import ConfigError

Deed = Literal["kill", "raise", "stall"]
Armed = Mapping[str, tuple[int, Deed]]

VARIABLE: Final = "RECON_FAILPOINTS"


class FailpointReached(Exception):
    """An armed failpoint was reached; nothing of the product catches it on purpose."""


def read_failpoints(text: str) -> dict[str, tuple[int, Deed]]:
    """`name[:n]=kill|raise|stall`, separated by commas, as name -> (visit, deed)."""
    found: dict[str, tuple[int, Deed]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        place, _, word = part.partition("=")
        name, _, visit = place.partition(":")
        deed = next((known for known in get_args(Deed) if known == word), None)
        if not name or deed is None or not (visit or "1").isdigit():
            raise ConfigError(f"{part!r} is not a failpoint; write A5=kill or P13:3=raise", where=VARIABLE)
        found[name] = (int(visit or 1), deed)
    return found


class Failpoints:
    """The failpoints of a process, and how often each was visited."""

    def __init__(self, armed: Armed) -> None:
        self.armed = dict(armed)
        self.visits: Counter[str] = Counter()

    def reach(self, name: str) -> None:
        """Do here what the failpoint says, if this is the visit that it names."""
        if not self.armed:
            return
        self.visits[name] += 1
        visit, deed = self.armed.get(name, (0, "raise"))
        if self.visits[name] != visit:
            return
        if deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "stall":
            threading.Event().wait()
        raise FailpointReached(name)


PROCESS: Final = Failpoints(read_failpoints(os.environ.get(VARIABLE, "")))
"""Armed once, at import: a running server cannot be made to fail from outside."""


def failpoint(name: str) -> None:
    """Mark a place where this process may be made to die."""
    if PROCESS.armed:
        PROCESS.reach(name)
