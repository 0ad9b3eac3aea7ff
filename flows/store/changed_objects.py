"""Which managed objects changed since a moment, as the activity audit tells."""

from __future__ import annotations

from conf.transaction import Transaction
from flows.store.json_text import load


async def changed_since(tx: Transaction, path: str, since: int, *, but_not_by: str = "") -> list[str]:
    """Ids of the objects below `path` that were created or updated since then, each once, oldest change first.

    Leaves out what the calls of ids that begin with `but_not_by` did.
    """
    sql = "select body from audit_event where topic = 'activity' and at >= ? and body like ?"
    parameters: tuple[object, ...] = (since, f'%"objectId":"{path}/%')
    if but_not_by:
        sql += " and transaction_id not like ?"
        parameters = (*parameters, f"{but_not_by}%")
    found: dict[str, None] = {}
    for (body,) in await tx.fetch(f"{sql} order by seq", parameters):
        event = load(body)
        object_id = str(event.get("objectId", ""))
        if object_id.startswith(f"{path}/"):
            found[object_id.removeprefix(f"{path}/")] = None
    return list(found)
