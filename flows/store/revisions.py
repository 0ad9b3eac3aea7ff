"""Revisions of managed objects by id: what tells whether an object moved, without reading it."""

from collections.abc import Collection

from conf.transaction import Transaction
from flows.store.managed import chunks


async def revisions(tx: Transaction, type: str, ids: Collection[str]) -> dict[str, int]:
    """Present revision of each object that exists."""
    found: dict[str, int] = {}
    sql = f"select id, rev from managed_object where type = ? and id {tx.among}"
    for chunk in chunks(ids):
        found.update((id, rev) for id, rev in await tx.fetch(sql, (type, tx.texts(chunk))))
    return found
