"""Who holds a two-way run: one worker at a time, for as long as it renews."""

from __future__ import annotations

from conf.transaction import Transaction


async def claim(tx: Transaction, id: str, owner: str, now: int, lease_until: int) -> bool:
    """Take a run that has not ended; False when somebody else holds it."""
    changed = await tx.run(
        "update two_way_run set owner = ?, token = token + 1, lease_until = ? "
        "where id = ? and ended is null and (owner is null or owner = ? or lease_until <= ?)",
        (owner, lease_until, id, owner, now),
    )
    return changed == 1


async def renew(tx: Transaction, id: str, owner: str, lease_until: int) -> None:
    await tx.run(
        "update two_way_run set lease_until = ? where id = ? and owner = ?", (lease_until, id, owner)
    )


async def pull_in(tx: Transaction, now: int, lease_ms: int) -> None:
    """Leases that end further away than any lease lasts: the clock was set back, so they count from now."""
    await tx.run(
        "update two_way_run set lease_until = ? where ended is null and lease_until > ?",
        (now + lease_ms, now + 2 * lease_ms),
    )


async def release(tx: Transaction, id: str, owner: str) -> None:
    """Give a run up, so that others may go on at once."""
    await tx.run(
        "update two_way_run set owner = null, lease_until = null where id = ? and owner = ?", (id, owner)
    )


async def owners(tx: Transaction) -> list[str]:
    rows = await tx.fetch("select distinct owner from two_way_run where owner is not null")
    return [row[0] for row in rows]


async def release_owner(tx: Transaction, owner: str) -> None:
    """Let go of everything that a dead worker held."""
    await tx.run("update two_way_run set owner = null, lease_until = null where owner = ?", (owner,))
