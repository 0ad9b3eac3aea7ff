"""Which two-way runs this worker holds: claimed under a lease, like every run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from flows.store import two_way, two_way_leases
from flows.two_way.advance import Advance
from flows.worker_rows import clock

if TYPE_CHECKING:
    from flows.call import Runtime


async def advance_all(runtime: Runtime, owner: str) -> int:
    """Bring every run that nobody else holds as far as it goes; answers how many of them moved."""
    async with runtime.database.read() as transaction:
        waiting = [run.id for run in await two_way.active(transaction)]
    moved = 0
    lease_ms = round(runtime.settings.lease_seconds * 1000)
    for id in waiting:
        async with runtime.database.write() as transaction:
            now = await clock(transaction)
            if not await two_way_leases.claim(transaction, id, owner, now, now + lease_ms):
                continue
            run = await two_way.read_run(transaction, id)
        if run is None or run.ended is not None:
            continue
        async with _held(runtime, id, owner, lease_ms):
            moved += await Advance(runtime, run).until_it_waits()
    return moved


@asynccontextmanager
async def _held(runtime: Runtime, id: str, owner: str, lease_ms: int) -> AsyncIterator[None]:
    """Renew the lease while the block works, and give it up afterwards."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(lease_ms / 3000)
            async with runtime.database.write() as transaction:
                now = await clock(transaction)
                await two_way_leases.renew(transaction, id, owner, now + lease_ms)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with runtime.database.write() as transaction:
            await two_way_leases.release(transaction, id, owner)
