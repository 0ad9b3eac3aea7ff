"""The workers that are alive, and what happens to what a dead one held."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field

from approvals import intents
from conf.database import Database, Transaction
from flows.call import now_ms
from flows.store import runs, two_way_leases, workers
from flows.wake import alive

FORGOTTEN_MS = 3_600_000
"""A worker of another machine that was not seen for so long is no longer listed."""


@dataclass(frozen=True)
class WorkerId:
    """Who a worker is. Each of its lanes owns what it claims under a name of its own."""

    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    nonce: str = field(default_factory=lambda: secrets.token_hex(3))

    def __str__(self) -> str:
        return f"{self.host}-{self.pid}-{self.nonce}"

    def lane(self, name: str) -> str:
        """Owner of what this lane claims."""
        return f"{self}/{name}"


async def clock(tx: Transaction) -> int:
    """The time by which leases are kept: the database's own where several machines share it."""
    if tx.dialect == "sqlite":
        return now_ms()
    rows = await tx.fetch("select (extract(epoch from clock_timestamp()) * 1000)::bigint")
    return int(rows[0][0])


async def lapse_leases(database: Database, host: str, pid: int) -> None:
    """Free at once what the worker with this process id held; it is known to be dead."""
    async with database.write() as tx:
        for worker in await workers.list_all(tx):
            if (worker.host, worker.pid) == (host, pid):
                await _lapse(tx, worker.id)


async def lapse_dead(database: Database, host: str) -> None:
    """Free what workers of this machine held that are gone, and forget those nobody has seen for long."""
    async with database.write() as tx:
        now = await clock(tx)
        for worker in await workers.list_all(tx):
            if (worker.host == host and not alive(worker.pid)) or worker.seen_at < now - FORGOTTEN_MS:
                await _lapse(tx, worker.id)


async def _lapse(tx: Transaction, worker: str) -> None:
    for owner in await _lanes(tx, "recon_run where working = 1", worker):
        await runs.release_owner(tx, owner)
    for owner in await two_way_leases.owners(tx):
        if owner == worker or owner.startswith(f"{worker}/"):
            await two_way_leases.release_owner(tx, owner)
    for owner in await _lanes(tx, "intent where state = 'CLAIMED'", worker):
        await intents.lapse(tx, owner)
    await workers.delete(tx, worker)


async def _lanes(tx: Transaction, held: str, worker: str) -> list[str]:
    """Owners among what is held that are this worker or lanes of it."""
    rows = await tx.fetch(f"select distinct owner from {held} and owner is not null")
    return [owner for (owner,) in rows if owner == worker or owner.startswith(f"{worker}/")]


async def pull_in(tx: Transaction, now: int, lease_ms: int) -> None:
    """Leases that end further away than any lease lasts: the clock was set back, so they count from now."""
    await tx.run(
        "update recon_run set lease_until = ? where working = 1 and lease_until > ?",
        (now + lease_ms, now + 2 * lease_ms),
    )
    await two_way_leases.pull_in(tx, now, lease_ms)
    await intents.pull_in(tx, now)
