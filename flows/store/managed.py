"""Managed objects, set by set: a page of ids is one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from conf.errors import BadRequest
from conf.filters.ast import Filter, Literal
from conf.transaction import Transaction
from flows.store.correlation import ensure_index, find_many
from flows.store.filter_sql import condition, order_by
from flows.store.json_sql import ALWAYS, Condition
from flows.store.json_text import dump, dump_optional
from flows.store.managed_rows import (
    COLUMNS,
    MEMBERS,
    Found,
    Stored,
    chunks,
    new_rev,
    parse_rev,
    rev_text,
    stored,
)

__all__ = ["Found", "Stored", "chunks", "ensure_index", "find_many", "new_rev", "parse_rev", "rev_text"]


async def read(tx: Transaction, type: str, id: str) -> Stored | None:
    rows = await tx.fetch(f"select {COLUMNS} from managed_object where type = ? and id = ?", (type, id))
    return stored(rows[0]) if rows else None


async def read_many(tx: Transaction, type: str, ids: Collection[str]) -> dict[str, Stored]:
    """The objects that exist, by id."""
    found: dict[str, Stored] = {}
    sql = f"select {COLUMNS} from managed_object where type = ? and id {tx.among}"
    for chunk in chunks(ids):
        for row in await tx.fetch(sql, (type, tx.texts(chunk))):
            found[row[1]] = stored(row)
    return found


async def read_by_unique_key(tx: Transaction, type: str, keys: Collection[str]) -> dict[str, Stored]:
    """The objects with these normalised unique values, by that value."""
    found: dict[str, Stored] = {}
    sql = f"select {COLUMNS} from managed_object where type = ? and unique_key {tx.among}"
    for chunk in chunks(keys):
        for row in await tx.fetch(sql, (type, tx.texts(chunk))):
            found[row[5]] = stored(row)
    return found


async def find(
    tx: Transaction,
    type: str,
    filter: Filter | None = None,
    *,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
    after: str | None = None,
    count: bool = False,
) -> Found:
    """Objects that match, in order of creation or of the keys; `page_size` 0 is all of them."""
    where = _where(tx, type, filter)
    total = -1
    if count:
        total = (await tx.fetch(f"select count(*) from managed_object where {where.sql}", where.parameters))[
            0
        ][0]
    sql, parameters = where.sql, list(where.parameters)
    if after is not None:
        last, offset = _position(after, sorted=bool(sort_keys))
        if not sort_keys:
            sql += " and seq > ?"
            parameters.append(last)
    sql += f" order by {order_by(sort_keys, MEMBERS, tx.dialect, 'seq')}"
    if page_size or offset:
        sql += " limit ? offset ?"
        # one more tells whether there is a next page
        parameters += [page_size + 1 if page_size else 2**62, offset]
    rows = await tx.fetch(f"select {COLUMNS} from managed_object where {sql}", parameters)
    more = bool(page_size) and len(rows) > page_size
    page = [stored(row) for row in (rows[:page_size] if more else rows)]
    onward = (f"o{offset + page_size}" if sort_keys else f"s{page[-1].seq}") if more else None
    return Found(page, total, onward)


def _position(after: str, *, sorted: bool) -> tuple[int, int]:
    number = after[1:]
    if (
        after[:1] != ("o" if sorted else "s")
        or not (number.isascii() and number.isdigit())
        or len(number) > 18
    ):
        raise BadRequest("The paged results cookie is not one of this query; start again without it")
    return (0, int(number)) if sorted else (int(number), 0)


async def ids(
    tx: Transaction, type: str, filter: Filter | None = None, *, upto: int | None = None
) -> list[str]:
    """Ids of the objects that match, in order of creation; with `upto` only of those that were there by then."""
    where = _where(tx, type, filter)
    sql, parameters = where.sql, where.parameters
    if upto is not None:
        sql, parameters = f"{sql} and seq <= ?", (*parameters, upto)
    rows = await tx.fetch(f"select id from managed_object where {sql} order by seq", parameters)
    return [row[0] for row in rows]


async def newest(tx: Transaction, type: str) -> int:
    """A mark for `ids`: all objects that there are now are before it, all that are to come after."""
    rows = await tx.fetch("select coalesce(max(seq), 0) from managed_object where type = ?", (type,))
    return int(rows[0][0])


async def count(tx: Transaction, type: str, filter: Filter | None = None) -> int:
    where = _where(tx, type, filter)
    rows = await tx.fetch(f"select count(*) from managed_object where {where.sql}", where.parameters)
    return int(rows[0][0])


def _where(tx: Transaction, type: str, filter: Filter | None) -> Condition:
    found = (
        ALWAYS if filter is None or filter == Literal(value=True) else condition(filter, MEMBERS, tx.dialect)
    )
    if found is ALWAYS:
        return Condition("type = ?", (type,))
    return Condition(f"type = ? and ({found.sql})", (type, *found.parameters))


async def insert_many(tx: Transaction, type: str, rows: Sequence[Stored]) -> None:
    """Insert all of them in this order, or raise Duplicate when an id or unique value is taken."""
    await tx.insert(
        "managed_object",
        ("type", "id", "rev", "body", "secrets", "unique_key"),
        [(type, row.id, row.rev, dump(row.body), dump_optional(row.secrets), row.unique_key) for row in rows],
    )


async def taken(tx: Transaction, type: str, rows: Sequence[Stored]) -> tuple[set[str], set[str]]:
    """Ids and unique keys of these rows that other objects have already; ask before `insert_many`."""
    taken_ids = set(await read_ids(tx, type, [row.id for row in rows]))
    keys = [row.unique_key for row in rows if row.unique_key is not None]
    own = {row.unique_key: row.id for row in rows}
    sql = f"select unique_key, id from managed_object where type = ? and unique_key {tx.among}"
    found: set[str] = set()
    for chunk in chunks(keys):
        holders = await tx.fetch(sql, (type, tx.texts(chunk)))
        found.update(key for key, holder in holders if own[key] != holder)
    return taken_ids, found


async def read_ids(tx: Transaction, type: str, ids: Collection[str]) -> list[str]:
    """Those of the ids that exist."""
    sql = f"select id from managed_object where type = ? and id {tx.among}"
    return [row[0] for chunk in chunks(ids) for row in await tx.fetch(sql, (type, tx.texts(chunk)))]


async def update_many(tx: Transaction, type: str, rows: Sequence[Stored]) -> None:
    """Replace body, secrets, unique key and revision of objects that exist."""
    await tx.run_many(
        "update managed_object set rev = ?, body = ?, secrets = ?, unique_key = ? where type = ? and id = ?",
        [(row.rev, dump(row.body), dump_optional(row.secrets), row.unique_key, type, row.id) for row in rows],
    )


async def update_if(tx: Transaction, type: str, row: Stored, revision: int) -> bool:
    """Replace one object when it still stands at that revision; False when it does not."""
    changed = await tx.run(
        "update managed_object set rev = ?, body = ?, secrets = ?, unique_key = ? "
        "where type = ? and id = ? and rev = ?",
        (row.rev, dump(row.body), dump_optional(row.secrets), row.unique_key, type, row.id, revision),
    )
    return changed == 1


async def delete_many(tx: Transaction, type: str, ids: Collection[str]) -> int:
    """Delete those that exist; answers how many did."""
    sql = f"delete from managed_object where type = ? and id {tx.among}"
    return sum([await tx.run(sql, (type, tx.texts(chunk))) for chunk in chunks(ids)])
