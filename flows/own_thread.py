"""Work that blocks, each in a thread of its own.

Threads of a shared pool would wait for each other: a script asks for an object, whose type has a script of its own.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T]) -> T:
    """What the work returns or raises; its context variables are those of the caller."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_result: Callable[[Any], None], value: Any) -> None:
        if not done.done():  # the waiting call may have been given up
            set_result(value)

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # handed on to whoever waits
            _tell(loop, settle, done.set_exception, error)
        else:
            _tell(loop, settle, done.set_result, value)

    Thread(target=contextvars.copy_context().run, args=(run,), name="script", daemon=True).start()
    return await done


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[..., None], *given: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, *given)
