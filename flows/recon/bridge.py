"""From a worker thread back to the event loop: a plain call that waits for a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Bridge:
    """Entries are processed in a thread so that their scripts may wait; what they ask for runs in `loop`."""

    loop: asyncio.AbstractEventLoop

    @classmethod
    def here(cls) -> Bridge:
        """A bridge to the running loop."""
        return cls(asyncio.get_running_loop())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the loop and wait for it; called from another thread only."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()
