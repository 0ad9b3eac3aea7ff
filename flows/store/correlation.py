"""Many queries at once, as the correlation of a page asks them, and the indexes that make them cheap."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

from conf.database import Database
from conf.filters.ast import Comparison, Filter, Or
from conf.filters.evaluate import predicate
from conf.pointer import Pointer
from conf.transaction import Transaction
from flows.store.anchors import anchor_of, texts_at
from flows.store.filter_sql import condition
from flows.store.json_sql import WORDS, Condition, JsonSql, places
from flows.store.managed_rows import COLUMNS, MEMBERS, Stored, chunks, stored

LARGE: Final = 1000
"""Objects of a type below which a scan costs no more than an index."""
CLAUSES: Final = 50
"""Filters that one statement asks for when no attribute tells them apart."""


async def find_many(tx: Transaction, type: str, filters: Sequence[Filter]) -> list[list[Stored]]:
    """What each of the filters finds, in order of creation.

    Filters that ask for equality with a text are answered together, by one set query for each attribute.
    """
    anchors = [anchor_of(filter) for filter in filters]
    wanted: dict[Pointer, set[str]] = {}
    for anchor in anchors:
        if anchor:
            wanted.setdefault(anchor[0], set()).add(anchor[1])
    found = {pointer: await _by_text(tx, type, pointer, texts) for pointer, texts in wanted.items()}
    rest = [filter for filter, anchor in zip(filters, anchors, strict=True) if anchor is None]
    others = iter(await _by_scan(tx, type, rest))
    return [
        _matching(filter, found[anchor[0]].get(anchor[1], [])) if anchor else next(others)
        for filter, anchor in zip(filters, anchors, strict=True)
    ]


def _matching(filter: Filter, candidates: list[Stored]) -> list[Stored]:
    if isinstance(filter, Comparison):
        return candidates
    holds = predicate(filter, ignore_case=False)
    return [candidate for candidate in candidates if holds(candidate.object())]


async def _by_text(
    tx: Transaction, type: str, pointer: Pointer, texts: Collection[str]
) -> dict[str, list[Stored]]:
    """Objects by a text that they have at the pointer, alone or in a list."""
    if pointer == ("_id",):
        return await _by_column(tx, type, "id", texts)
    rows: dict[int, Stored] = {}
    for chunk in chunks(texts):
        for where in _where(WORDS[tx.dialect], pointer, chunk):
            sql = f"select {COLUMNS} from managed_object where type = ? and {where.sql}"
            for row in await tx.fetch(sql, (type, *where.parameters)):
                rows[row[0]] = stored(row)
    found: dict[str, list[Stored]] = {}
    for _, match in sorted(rows.items()):
        for text in texts_at(match.object(), pointer):
            found.setdefault(text, []).append(match)
    return found


async def _by_column(
    tx: Transaction, type: str, column: str, texts: Collection[str]
) -> dict[str, list[Stored]]:
    sql = f"select {COLUMNS} from managed_object where type = ? and {column} {tx.among}"
    found: dict[str, list[Stored]] = {}
    for chunk in chunks([text for text in texts if "\0" not in text]):
        for row in await tx.fetch(sql, (type, tx.texts(chunk))):
            found[row[1]] = [stored(row)]
    return found


def _where(words: JsonSql, pointer: Pointer, texts: Sequence[str]) -> list[Condition]:
    """The queries that together find objects with one of the texts; apart, each meets its index."""
    if pointer[0] in MEMBERS.known:
        return [condition(Comparison(pointer, "in", tuple(texts)), MEMBERS, words.dialect)]
    found: list[Condition] = []
    for place in places(pointer):
        value = words.value("body", place)
        among = words.among(value.plain, texts)
        found.append(Condition(f"{among.sql} and {words.is_text(value)}", among.parameters))
        table, element = words.elements("body", place)
        inside = words.among(element.plain, texts)
        found.append(
            Condition(
                f"{value.kind} = 'array' and exists "
                f"(select 1 from {table} where {inside.sql} and {words.is_text(element)})",
                inside.parameters,
            )
        )
    return found


async def _by_scan(tx: Transaction, type: str, filters: Sequence[Filter]) -> list[list[Stored]]:
    """Several filters in one statement, told apart in memory."""
    found: list[list[Stored]] = []
    for start in range(0, len(filters), CLAUSES):
        part = filters[start : start + CLAUSES]
        where = condition(Or(tuple(part)), MEMBERS, tx.dialect)
        rows = await tx.fetch(
            f"select {COLUMNS} from managed_object where type = ? and ({where.sql}) order by seq",
            (type, *where.parameters),
        )
        candidates = [stored(row) for row in rows]
        if len(part) == 1:
            found.append(candidates)
            continue
        objects = [candidate.object() for candidate in candidates]
        for filter in part:
            holds = predicate(filter, ignore_case=False)
            found.append(
                [candidate for candidate, object in zip(candidates, objects, strict=True) if holds(object)]
            )
    return found


async def ensure_index(database: Database, type: str, pointer: Pointer, *, expected: int = 0) -> bool:
    """Make sure that equality at this pointer is cheap, when the type is large; True when an index was made.

    `expected` is how many objects it is about to hold. Call it outside of any transaction; several callers at
    once are fine.
    """
    if not pointer or pointer[0] in MEMBERS.known:
        return False
    name = f"ix_managed_value_{hashlib.blake2b(repr(pointer).encode(), digest_size=8).hexdigest()}"
    async with database.read() as tx:
        if await _exists(tx, name):
            return False
        rows = await tx.fetch(
            "select count(*) from (select 1 from managed_object where type = ? limit ?) as first",
            (type, LARGE),
        )
        if max(rows[0][0], expected) < LARGE:
            return False
    async with database.write() as tx:
        if await _exists(tx, name):
            return False
        if tx.dialect == "postgresql":
            await tx.run("set local statement_timeout = 0")
        for number, (columns, shape) in enumerate(_indexes(WORDS[tx.dialect], pointer)):
            index = f"{name}_{number}" if number else name
            await tx.run(f"create index {index} on managed_object {columns}")
            if tx.dialect == "sqlite":
                await tx.run("insert into sqlite_stat1 values ('managed_object', ?, ?)", (index, shape))
        # an index without statistics is not trusted; SQLite is told them, for its own would take a scan
        await tx.run("analyze managed_object" if tx.dialect == "postgresql" else "analyze sqlite_schema")
    return True


def _indexes(words: JsonSql, pointer: Pointer) -> list[tuple[str, str]]:
    """What to index, and what SQLite's planner shall believe of it."""
    found: list[tuple[str, str]] = []
    for place in places(pointer):
        value = words.value("body", place)
        # with the type first, SQLite would not use it for one side of an `or`
        found.append((f"(({words.collated(value.plain)}), type)", "1000000 2 2"))
        # lists are few where texts are expected, so this one stays almost empty
        found.append((f"(({value.kind})) where {value.kind} = 'array'", "100 50"))
    return found


async def _exists(tx: Transaction, name: str) -> bool:
    catalogue = {
        "sqlite": "select 1 from sqlite_master where type = 'index' and name = ?",
        "postgresql": "select 1 from pg_indexes where schemaname = current_schema() and indexname = ?",
    }
    return bool(await tx.fetch(catalogue[tx.dialect], (name,)))
