"""Lanes of a worker: threads that each have an event loop and do one kind of work, piece by piece."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from conf.errors import Unavailable

PATIENCE_SECONDS = 2.0
"""Pause when the database does not take anything at the moment."""

_LOG = logging.getLogger(__name__)


class Lane:
    """A thread that calls `work` for one piece after the other, and rests when there was nothing to do."""

    def __init__(self, name: str, poll_seconds: float, body: Callable[[Lane], Awaitable[None]]) -> None:
        self.name = name
        self._poll = poll_seconds
        self._body = body
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self.failure: BaseException | None = None

    # from other threads

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:
                return

    def stop(self) -> None:
        """Begin nothing new; returns at once."""
        self._stop.set()
        self.wake()

    def ended(self, within: float) -> bool:
        """Whether the lane has ended, waiting so long for it."""
        self._thread.join(within)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    # inside

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    async def repeat(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Do pieces of work until told to stop; `work` answers whether there was one.

        A database that is locked or full is waited for; a mistake of ours is logged and does not end the lane.
        """
        while not self.stopping:
            try:
                did = await work()
            except Unavailable as error:
                _LOG.warning("%s waits: %s", self.name, error.message)
                await self.rest(PATIENCE_SECONDS)
            except Exception:
                _LOG.exception("%s met an error and goes on", self.name)
                await self.rest(PATIENCE_SECONDS)
            else:
                if not did:
                    await self.rest()

    async def rest(self, seconds: float | None = None) -> None:
        """Wait until woken, told to stop, or the time to look again has come."""
        if self._woken is None or self.stopping:
            return
        try:
            async with asyncio.timeout(self._poll if seconds is None else seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.failure = error
            _LOG.exception("the lane %s ended", self.name)

    async def _run(self) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        await self._body(self)
