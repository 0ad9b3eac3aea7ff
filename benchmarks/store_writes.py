"""Bulk writes of the store against the drivers' own bulk calls, in one process and one go.

    python benchmarks/store_writes.py [rows] [postgresql://...]

One row is a managed object, its link and its audit entry, committed in pages of 1,000. The floor is
`sqlite3.executemany` (asyncpg `copy_records_to_table`) of the same finished tuples, with the same pragmas, tables
and commits; "store" is `Transaction.run_many` of the same tuples; "functions" adds the store's own functions,
which make the tuples (JSON, revisions) from objects.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from conf.database import Database
from conf.database_sqlite import CHECKPOINT_PAGES, PAGE_SIZE, WRITER_CACHE_KIB
from flows.store import audit, links, managed, schema
from flows.store.audit import ReconAudit
from flows.store.audit_recon import COLUMNS as AUDIT_COLUMNS
from flows.store.links import NewLink
from flows.store.managed import Stored

PAGE = 1000
ROUNDS = 8
OBJECT_COLUMNS = ("type", "id", "rev", "body", "secrets", "unique_key")
LINK_COLUMNS = ("link_type", "qualifier", "first_id", "second_id", "rev", "fingerprint", "target_rev")
Rows = list[tuple[Any, ...]]
Spent = tuple[float, float]
"""Seconds by the clock, and of this process's processors."""


def now() -> Spent:
    return time.perf_counter(), time.process_time()


def since(started: Spent) -> Spent:
    return time.perf_counter() - started[0], time.process_time() - started[1]


def statement(table: str, columns: tuple[str, ...]) -> str:
    return f"insert into {table} ({','.join(columns)}) values ({','.join('?' * len(columns))})"


OBJECTS = statement("managed_object", OBJECT_COLUMNS)
LINKS = statement("link", LINK_COLUMNS)
AUDIT = statement("audit_recon", AUDIT_COLUMNS)


def people(number: int) -> tuple[list[Stored], list[NewLink], list[ReconAudit]]:
    """What a first load of so many people writes."""
    recon = str(uuid.uuid4())
    objects, paired, entries = [], [], []
    for position in range(number):
        id = f"{position:08x}-{uuid.uuid4()}"
        name = f"user{position}@example.com"
        body = {
            "userName": name, "givenName": f"Given{position}", "sn": f"Name{position}", "mail": name,
            "telephoneNumber": "1234567", "accountStatus": "active", "description": "Created from CSV",
        }  # fmt: skip
        objects.append(Stored(id, managed.new_rev(), body, None, name))
        paired.append(
            NewLink("systemCsvfileAccounts_managedUser", "default", f"src{position}", id, b"x" * 16, 1)
        )
        entries.append(
            ReconAudit(
                recon,
                "entry",
                1_700_000_000_000,
                "systemCsvfileAccounts_managedUser",
                "openidm-admin",
                phase="source",
                situation="ABSENT",
                action="CREATE",
                status="SUCCESS",
                qualifier="default",
                source_id=f"src{position}",
                target_id=id,
                source_container="system/csvfile/account",
                target_container="managed/user",
                ambiguous="",
            )
        )
    return objects, paired, entries


def tuples(
    objects: list[Stored], paired: list[NewLink], entries: list[ReconAudit]
) -> tuple[Rows, Rows, Rows]:
    """The same as finished rows."""
    return (
        [("managed/user", o.id, o.rev, orjson.dumps(o.body).decode(), None, o.unique_key) for o in objects],
        [(p.link_type, p.qualifier, p.first_id, p.second_id, 1, p.fingerprint, p.target_rev) for p in paired],
        [tuple(getattr(entry, name) for name in AUDIT_COLUMNS) for entry in entries],
    )


def pages(rows: list[Any]) -> list[list[Any]]:
    return [rows[start : start + PAGE] for start in range(0, len(rows), PAGE)]


def sqlite_floor(path: Path, rows: tuple[Rows, Rows, Rows]) -> Spent:
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in (
        f"page_size={PAGE_SIZE}", "journal_mode=wal", "synchronous=full", "foreign_keys=on", "temp_store=memory",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}", f"cache_size=-{WRITER_CACHE_KIB}",
    ):  # fmt: skip
        connection.execute(f"pragma {setting}")
    started = now()
    for objects, paired, entries in zip(*(pages(each) for each in rows), strict=True):
        connection.execute("begin immediate")
        connection.executemany(OBJECTS, objects)
        connection.executemany(LINKS, paired)
        connection.executemany(AUDIT, entries)
        connection.execute("commit")
    spent = since(started)
    connection.close()
    return spent


async def postgres_floor(url: str, rows: tuple[Rows, Rows, Rows]) -> Spent:
    connection = await asyncpg.connect(url)
    started = now()
    for objects, paired, entries in zip(*(pages(each) for each in rows), strict=True):
        async with connection.transaction():
            await connection.copy_records_to_table("managed_object", records=objects, columns=OBJECT_COLUMNS)
            await connection.copy_records_to_table("link", records=paired, columns=LINK_COLUMNS)
            await connection.copy_records_to_table("audit_recon", records=entries, columns=AUDIT_COLUMNS)
    spent = since(started)
    await connection.close()
    return spent


async def by_run_many(url: str, rows: tuple[Rows, Rows, Rows]) -> Spent:
    database = await Database.open(url)
    started = now()
    for objects, paired, entries in zip(*(pages(each) for each in rows), strict=True):
        async with database.write() as tx:
            await tx.run_many(OBJECTS, objects)
            await tx.run_many(LINKS, paired)
            await tx.run_many(AUDIT, entries)
    spent = since(started)
    await database.close()
    return spent


async def by_insert(url: str, rows: tuple[Rows, Rows, Rows]) -> Spent:
    database = await Database.open(url)
    started = now()
    for objects, paired, entries in zip(*(pages(each) for each in rows), strict=True):
        async with database.write() as tx:
            await tx.insert("managed_object", OBJECT_COLUMNS, objects)
            await tx.insert("link", LINK_COLUMNS, paired)
            await tx.insert("audit_recon", AUDIT_COLUMNS, entries)
    spent = since(started)
    await database.close()
    return spent


async def by_functions(url: str, made: tuple[list[Stored], list[NewLink], list[ReconAudit]]) -> Spent:
    database = await Database.open(url)
    started = now()
    for objects, paired, entries in zip(*(pages(list(each)) for each in made), strict=True):
        async with database.write() as tx:
            await managed.insert_many(tx, "managed/user", objects)
            await links.insert_many(tx, paired)
            await audit.append_recon(tx, entries)
    spent = since(started)
    await database.close()
    return spent


async def compare(
    number: int, fresh: Callable[[], Awaitable[str]], floor: Callable[[str, Any], Awaitable[Spent]]
) -> None:
    made = people(number)
    rows = tuples(*made)
    ways: dict[str, Callable[[str], Awaitable[Spent]]] = {
        "floor": lambda url: floor(url, rows),
        "run_many": lambda url: by_run_many(url, rows),
        "insert": lambda url: by_insert(url, rows),
        "functions": lambda url: by_functions(url, made),
    }
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        # each way goes first once in a while, for the disk is busiest at the end
        for name in (*list(ways)[turn % 4 :], *list(ways)[: turn % 4]):
            spent[name].append(await ways[name](await fresh()))
    # others on the machine only ever add time, so the best of each is what to compare
    print(f"{'':12}{'median s':>10}{'best s':>8}{'rows/s':>9}{'ratio':>7}   {'cpu us/row':>10}{'ratio':>7}")
    base = [min(each) for each in zip(*spent["floor"], strict=True)]
    for name, times in spent.items():
        wall, cpu = (min(each) for each in zip(*times, strict=True))
        middle = statistics.median(each for each, _ in times)
        print(
            f"{name:12}{middle:10.2f}{wall:8.2f}{number / wall:9.0f}{wall / base[0]:7.2f}"
            f"   {cpu / number * 1e6:10.1f}{cpu / base[1]:7.2f}"
        )


async def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        count = 0

        async def fresh_file() -> str:
            nonlocal count
            count += 1
            url = f"sqlite:///{folder}/{count}.db"
            await schema.upgrade(url)
            return url

        async def floor(url: str, rows: tuple[Rows, Rows, Rows]) -> Spent:
            return await asyncio.to_thread(sqlite_floor, Path(url.removeprefix("sqlite:///")), rows)

        print(
            f"SQLite {sqlite3.sqlite_version}, {number} rows, {ROUNDS} rounds, commits of {PAGE}, synchronous=FULL"
        )
        await compare(number, fresh_file, floor)
    if len(sys.argv) > 2:
        url = sys.argv[2]
        await schema.upgrade(url)

        async def fresh_tables() -> str:
            database = await Database.open(url)
            async with database.write() as tx:
                await tx.run("truncate managed_object, link, audit_recon")
            await database.close()
            return url

        print(f"PostgreSQL, {number} rows, {ROUNDS} rounds; the floor is copy_records_to_table")
        await compare(number, fresh_tables, postgres_floor)


if __name__ == "__main__":
    asyncio.run(main())
