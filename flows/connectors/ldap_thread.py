"""A thread for one connection whose calls block."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class OwnThread:
    """Does one thing after the other. A call that never returns does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._live, name=name, daemon=True).start()

    async def run(self, act: Callable[[], T]) -> T:
        """What `act` returns. When the caller is cancelled it goes on, and nobody hears of it."""
        future: Future[T] = Future()
        self._work.put((act, future))
        return await asyncio.wrap_future(future)

    def end(self, act: Callable[[], None]) -> None:
        """Do one last thing after all others."""
        self._work.put((act, Future()))
        self._work.put(None)

    def _live(self) -> None:
        while (work := self._work.get()) is not None:
            act, future = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                done = act()
            except BaseException as error:
                _tell(future.set_exception, error)
            else:
                _tell(future.set_result, done)


def _tell(tell: Callable[[Any], None], what: Any) -> None:
    # the event loop may have ended since it asked
    with suppress(RuntimeError):
        tell(what)
