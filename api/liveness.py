"""Ends a server that runs but no longer answers, so that it is started again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from flows.reachable import status_of

if TYPE_CHECKING:
    from api.child import Child

LOOK_SECONDS = 10.0
ANSWER_SECONDS = 5.0
SILENT_LOOKS = 4
"""So many looks in a row without an answer: about a minute, which no server that is only busy needs."""

_LOG = logging.getLogger(__name__)


async def end_when_silent(
    child: Child, url: str, look_seconds: float = LOOK_SECONDS, answer_seconds: float = ANSWER_SECONDS
) -> None:
    """Watch one server for ever; its keeper starts it again after each end."""
    silent, watched = 0, child.pid
    while True:
        await asyncio.sleep(look_seconds)
        if child.pid != watched:
            # it has just been started, and may take its time
            silent, watched = 0, child.pid
            await _until_it_answers(child, url, look_seconds, answer_seconds)
            continue
        silent = silent + 1 if await status_of(url, answer_seconds) is None else 0
        if silent >= SILENT_LOOKS:
            _LOG.warning("%s (process %s) no longer answers; it is ended", child.program.name, child.pid)
            child.kill()
            silent = 0


async def _until_it_answers(child: Child, url: str, look_seconds: float, answer_seconds: float) -> None:
    started = child.pid
    while child.pid == started and await status_of(url, answer_seconds) is None:
        await asyncio.sleep(look_seconds)
