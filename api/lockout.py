"""Guessing, slowed down: after some failures a name may not try again for a while, from that address.

A token names nobody before it is checked, so every one is, and only the refusals of wrong ones are held back.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from conf.errors import Unavailable

ATTEMPTS: Final = 10
SECONDS: Final = 60.0
_MOST: Final = 10_000


@dataclass
class _Failures:
    guesses: set[bytes]
    last: float


@dataclass
class Lockout:
    """Counts different passwords by name and address, so that nobody can lock out a person who sits elsewhere."""

    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[tuple[str, str], _Failures] = field(default_factory=OrderedDict)

    def is_locked(self, name: str, address: str) -> bool:
        """Whether no password of this name is looked at now."""
        found = self._failures.get((name, address))
        if found is None:
            return False
        if found.last + SECONDS <= self.clock():
            del self._failures[name, address]
            return False
        return len(found.guesses) >= ATTEMPTS

    def failed(self, name: str, address: str, guess: bytes) -> None:
        """Count a wrong password, of which `guess` is a digest; the same one again is no further guess."""
        found = self._failures.pop((name, address), _Failures(set(), 0))
        if guess not in found.guesses and len(found.guesses) < ATTEMPTS:
            found.guesses.add(guess)
            found.last = self.clock()
        self._failures[name, address] = found
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget what went wrong before."""
        self._failures.pop((name, address), None)


@dataclass
class Brake:
    """Holds answers back, not more than so many at once."""

    seconds: float = 1.0
    most: int = 50
    _held: int = 0

    async def hold(self) -> None:
        """Wait; Unavailable at once when enough others do."""
        if self._held >= self.most:
            raise Unavailable("Too many wrong tokens at once; try again in a moment")
        self._held += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._held -= 1
