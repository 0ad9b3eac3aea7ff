"""Waiting for the outcome of approvals: however many wait, one small read at a time looks for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from approvals import intents
from conf.errors import ReconError

if TYPE_CHECKING:
    from approvals.intents import Intent
    from flows.call import Runtime

FIRST_PAUSE: Final = 0.015
LONGEST_PAUSE: Final = 0.1
_PLACE: Final = "outcome_watch"
_LOG = logging.getLogger(__name__)


class OutcomeWatch:
    """The orders somebody is waiting for; belongs to one event loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._database = runtime.database
        self._waiting: dict[int, asyncio.Future[Intent]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE

    async def wait(self, intent: int, seconds: float) -> Intent | None:
        """The order once its outcome is known, or None when that takes longer than this."""
        future = self._waiting.get(intent)
        if future is None:
            future = self._waiting[intent] = asyncio.get_running_loop().create_future()
        self._pause = FIRST_PAUSE
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # shielded: others may wait for the same order
                return await asyncio.shield(future)
        self._waiting.pop(intent, None)
        return None

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
            try:
                async with self._database.read() as tx:
                    found = await intents.load(tx, self._waiting)
            except ReconError as error:
                _LOG.warning("outcomes cannot be read at the moment: %s", error.message)
                continue
            for intent in found.values():
                if intent.state.is_final and (future := self._waiting.pop(intent.seq, None)) is not None:
                    future.set_result(intent)


def outcome_watch(runtime: Runtime) -> OutcomeWatch:
    """The watch of this process."""
    watch: OutcomeWatch = runtime.extras.get(_PLACE) or OutcomeWatch(runtime)
    runtime.extras[_PLACE] = watch
    return watch
