"""Waking workers of other machines: LISTEN and NOTIFY on the PostgreSQL server that they share.

Only an addition to the sockets of one machine and to polling: a lost connection is made again, quietly.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from sqlalchemy import make_url

from flows.call import Runtime

CHANNEL: Final = "recon_wake"
AGAIN_SECONDS: Final = 5.0
WAITING: Final = 100
"""Wakes that may wait for the connection; a worker needs one."""

_LOG = logging.getLogger(__name__)


async def connect(url: str) -> Any:
    """A connection of the driver's own kind; it has no type hints."""
    return await import_module("asyncpg").connect(address(url))


def address(url: str) -> str:
    """The database's address as asyncpg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def hear_notifications(runtime: Runtime, heard: Callable[[str], None]) -> Iterator[None]:
    """Within the block, call `heard` for each notification; does nothing on SQLite."""
    if runtime.database.dialect != "postgresql":
        yield
        return
    listening = asyncio.create_task(_listen(runtime.database.url, heard))
    try:
        yield
    finally:
        listening.cancel()


async def _listen(url: str, heard: Callable[[str], None]) -> None:
    while True:
        try:
            connection = await connect(url)
            try:
                await connection.add_listener(CHANNEL, lambda *told: heard(str(told[3])))
                while not connection.is_closed():
                    await asyncio.sleep(AGAIN_SECONDS)
                    await connection.execute("select 1")
            finally:
                await connection.close(timeout=AGAIN_SECONDS)
        except Exception:
            _LOG.debug("notifications are not heard at the moment", exc_info=True)
            await asyncio.sleep(AGAIN_SECONDS)


class Bell:
    """Notifies the workers of all machines from any thread, without waiting; its connection opens at the first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._queue: asyncio.Queue[str] = asyncio.Queue(WAITING)

    def ring(self, what: str) -> None:
        """Tell that there is a new run, an approved request, or a schedule that changed."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._main, args=[self._loop], name="notify", daemon=True
                )
                self._thread.start()
            self._loop.call_soon_threadsafe(self._put, what)

    def close(self) -> None:
        """End the connection; what was not sent is lost."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(AGAIN_SECONDS)

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            sending = runner.get_loop().create_task(self._send())
            runner.get_loop().run_forever()
            sending.cancel()
            runner.get_loop().run_until_complete(asyncio.gather(sending, return_exceptions=True))

    def _put(self, what: str) -> None:
        if not self._queue.full():
            self._queue.put_nowait(what)

    async def _send(self) -> None:
        while True:
            try:
                connection = await connect(self._url)
                try:
                    while True:
                        await connection.execute("select pg_notify($1, $2)", CHANNEL, await self._queue.get())
                finally:
                    await connection.close(timeout=AGAIN_SECONDS)
            except Exception:
                _LOG.debug("workers cannot be notified at the moment", exc_info=True)
                await asyncio.sleep(AGAIN_SECONDS)
