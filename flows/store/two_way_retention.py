"""How long two-way runs and their objects are remembered."""

from __future__ import annotations

from typing import Final

from conf.transaction import Transaction
from flows.store import two_way

AT_ONCE: Final = 5
"""Each run that ends makes room for itself, and for some that were left over."""


async def trim(tx: Transaction, name: str, full: int, before: int) -> None:
    """Forget what nobody looks at any more: a little each time, so that no transaction is long.

    Of all but the newest `full` runs of a configuration the objects with nothing to do; of all configurations the
    runs that began before a moment, with everything. Counts of runs that stay, stay.
    """
    rows = await tx.fetch(
        "select id from two_way_run where name = ? and ended is not null "
        "order by started desc, id desc limit ? offset ?",
        (name, AT_ONCE, full),
    )
    for (run,) in rows:
        await tx.run("delete from two_way_result where run = ? and status = 'NOTHING'", (run,))
    old = await tx.fetch(
        "select id from two_way_run where started < ? and ended is not null order by started limit ?",
        (before, AT_ONCE),
    )
    for (run,) in old:
        await two_way.delete_run(tx, run)
