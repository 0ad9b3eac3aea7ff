"""Decisions go first: a run stands aside between two pages while somebody waits for what was decided."""

from __future__ import annotations

import asyncio
import threading
import time

LONGEST_SECONDS = 2.0
"""A run stands aside no longer at a time, so that thousands of decisions do not stop it."""
LOOK_SECONDS = 0.005


class RightOfWay:
    """Shared by the lanes of one worker, which are threads."""

    def __init__(self) -> None:
        self._free = threading.Event()
        self._free.set()

    def take(self) -> None:
        """Somebody waits for a decision to be carried out."""
        self._free.clear()

    def give_back(self) -> None:
        """Nothing that was decided is left to do."""
        self._free.set()

    async def stand_aside(self) -> None:
        """Return when nobody waits, or after the longest time."""
        end = time.monotonic() + LONGEST_SECONDS
        while not self._free.is_set() and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
