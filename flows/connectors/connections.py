"""Connections to one system: lent to one user at a time, kept open for the next, closed when nobody comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

C = TypeVar("C")


@dataclass
class _Shelf(Generic[C]):
    """Idle connections of one event loop, the oldest first, each with the time since when it is idle."""

    idle: deque[tuple[float, C]] = field(default_factory=deque)
    keeper: asyncio.Task[None] | None = None


class Connections(Generic[C]):
    """Opens connections as they are needed. A connection never leaves the event loop that opened it.

    What is idle is closed after some seconds, and by the end of its loop at the latest: the task that keeps it is
    cancelled then.
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[C]],
        close: Callable[[C], Awaitable[None]],
        is_usable: Callable[[C], bool],
        idle_seconds: float = 5.0,
    ) -> None:
        self._open = open
        self._close = close
        self._is_usable = is_usable
        self._idle_seconds = idle_seconds
        self._shelves: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shelf[C]] = WeakKeyDictionary()

    @asynccontextmanager
    async def lend(self, *, fresh: bool = False) -> AsyncIterator[C]:
        """A connection for the time of the block; `fresh` asks for a new one, because an idle one may have died."""
        shelf = self._shelves.setdefault(asyncio.get_running_loop(), _Shelf())
        connection = shelf.idle.pop()[1] if shelf.idle and not fresh else await self._open()
        try:
            yield connection
        except (GeneratorExit, asyncio.CancelledError):
            # the loop may be ending, and with it the task that would have closed it later
            await self._close(connection)
            raise
        except BaseException:
            await self._take_back(shelf, connection)
            raise
        await self._take_back(shelf, connection)

    async def close(self) -> None:
        """Close what is idle in this event loop."""
        shelf = self._shelves.pop(asyncio.get_running_loop(), None)
        if shelf is not None and shelf.keeper is not None:
            shelf.keeper.cancel()
            await asyncio.wait([shelf.keeper])

    async def _take_back(self, shelf: _Shelf[C], connection: C) -> None:
        if not self._is_usable(connection):
            await self._close(connection)
            return
        loop = asyncio.get_running_loop()
        shelf.idle.append((loop.time(), connection))
        if shelf.keeper is None:
            shelf.keeper = loop.create_task(self._keep(shelf), name="idle connections")
            await asyncio.sleep(0)  # a task that is cancelled before it begins would close nothing

    async def _keep(self, shelf: _Shelf[C]) -> None:
        loop = asyncio.get_running_loop()
        try:
            while shelf.idle:
                due = shelf.idle[0][0] + self._idle_seconds
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                else:
                    await self._close(shelf.idle.popleft()[1])
        finally:
            while shelf.idle:
                await self._close(shelf.idle.popleft()[1])
            shelf.keeper = None
