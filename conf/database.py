"""The store of the product: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from conf.database_postgres import OLDEST, PostgresTransaction, postgres_engines
from conf.database_sqlite import SqliteTransaction, sqlite_engines
from conf.errors import ConfigError
from conf.transaction import Dialect, Duplicate, Transaction, transaction_on

__all__ = ["Database", "Duplicate", "Transaction", "parse_address"]

SHAPES = "sqlite:////folder/file.db or postgresql://user:password@host:5432/database"


class Database:
    """An open database. It belongs to one event loop; a thread with a loop of its own opens its own."""

    def __init__(self, url: str, kind: type[Transaction], writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.url = url
        self.dialect: Dialect = kind.dialect
        self._kind = kind
        self._writer = writer
        self._reader = reader

    def __repr__(self) -> str:
        return f"Database({make_url(self.url).render_as_string(hide_password=True)!r})"

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open and try it. A wrong address is a ConfigError, a database that does not answer Unavailable."""
        address = parse_address(url)
        if address.drivername == "sqlite":
            database = cls(url, SqliteTransaction, *sqlite_engines(Path(str(address.database))))
            oldest = None
        else:
            database = cls(url, PostgresTransaction, *postgres_engines(address))
            oldest = OLDEST
        try:
            # the first writer turns a new file into a database, so that readers find one
            async with database.write() as tx:
                await tx.fetch("select 1")
            async with database.read() as tx:
                if oldest and int((await tx.fetch("show server_version_num"))[0][0]) < oldest:
                    raise ConfigError("PostgreSQL 14 or later is needed")
        except BaseException:
            await database.close()
            raise
        return database

    def write(self, *, durable: bool = True) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that writes: alone among all writers from its start, committed at the end.

        One that is not durable may be undone by a power cut after its commit, whole; it is for work that
        the next run repeats.
        """
        return transaction_on(self._writer, self._kind, "write" if durable else "relaxed")

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one state of the store throughout and never blocks a writer."""
        return transaction_on(self._reader, self._kind, "read")

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def parse_address(url: str) -> URL:
    """The address, with the driver that we use; raises ConfigError, which never repeats a password."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"The database address is not understood; write {SHAPES}") from error
    kind = address.drivername.partition("+")[0]
    if kind == "sqlite":
        if not address.database or address.database == ":memory:":
            raise ConfigError(f"The database address names no file; write {SHAPES}")
        return address.set(drivername="sqlite")
    if kind in {"postgresql", "postgres"}:
        if not address.database:
            raise ConfigError(f"The database address names no database; write {SHAPES}")
        query = dict(address.query)
        if mode := query.pop("sslmode", None):
            query["ssl"] = mode
        return address.set(drivername="postgresql+asyncpg", query=query)
    raise ConfigError(f"There is no support for databases of type {kind!r}; write {SHAPES}")
