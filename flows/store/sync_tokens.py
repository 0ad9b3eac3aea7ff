"""Where liveSync of a system collection goes on."""

from __future__ import annotations

from typing import Any

from conf.transaction import Transaction
from flows.store.json_text import dump, load


async def read(tx: Transaction, collection: str) -> Any:
    """The token of the last change that was handled; None before the first."""
    rows = await tx.fetch("select token from sync_token where collection = ?", (collection,))
    return load(rows[0][0]) if rows else None


async def write(tx: Transaction, collection: str, token: Any, at: int) -> None:
    """Remember a token, in the transaction that handles its change."""
    await tx.run(
        "insert into sync_token (collection, token, at) values (?, ?, ?) "
        "on conflict (collection) do update set token = excluded.token, at = excluded.at",
        (collection, dump(token), at),
    )


async def delete(tx: Transaction, collection: str) -> bool:
    """Start over with the next liveSync."""
    return await tx.run("delete from sync_token where collection = ?", (collection,)) == 1
