"""A database as it is reached: connections, transactions with an end, and another try for what only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from sqlalchemy import event, literal, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from conf.errors import ReconError
from flows.connectors import sql_errors
from flows.connectors.connections import Connections
from flows.connectors.sql_config import SqlConfig
from flows.connectors.sql_values import NotText

T = TypeVar("T")
PAUSES: Final = (0.2, 1.0)
"""Seconds before each further try of what only reads."""
CONNECT_SECONDS: Final = 10.0
LOCK_SECONDS: Final = 1
"""How long a statement of SQLite waits for somebody else's commit."""
ASK_SECONDS: Final = 0.01
"""Pause between two tries to become SQLite's only writer."""


@dataclass
class Line:
    """A connection, and whether it is at rest."""

    connection: AsyncConnection
    usable: bool = True


class SqlDatabase:
    """One database. What only reads runs in a read-only transaction on SQLite and PostgreSQL."""

    def __init__(self, config: SqlConfig) -> None:
        self.config = config
        self.dialect = config.url.get_backend_name()
        self._engine: AsyncEngine | None = None
        self.connections = Connections[Line](self._connect, _close, lambda line: line.usable)

    async def read(self, what: str, act: Callable[[AsyncConnection], Awaitable[T]], *, tries: int = 3) -> T:
        """Do what only reads, again on a new connection when the connection breaks."""
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(PAUSES[attempt - 1])
            try:
                async with self.connections.lend(fresh=attempt > 0) as line:
                    return await self._transact(line, act, writes=False)
            except sql_errors.Unreached:
                if attempt == tries - 1:
                    raise
            except (SQLAlchemyError, OSError) as cause:
                if attempt == tries - 1 or not (sql_errors.is_lost(cause) or sql_errors.is_locked(cause)):
                    raise sql_errors.reading(cause, self.config.address, what) from cause
        raise AssertionError

    async def write(self, what: str, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """One transaction that writes: whole or not at all."""
        async with self.connections.lend() as line:
            line.usable = await _is_alive(line.connection)
        async with self.connections.lend(fresh=not line.usable) as line:
            try:
                return await self._transact(line, act, writes=True)
            except (SQLAlchemyError, OSError) as cause:
                raise sql_errors.writing(cause, self.config.address, what) from cause

    async def close(self) -> None:
        await self.connections.close()

    async def _transact(
        self, line: Line, act: Callable[[AsyncConnection], Awaitable[T]], *, writes: bool
    ) -> T:
        config, connection = self.config, line.connection
        seconds = config.write_seconds if writes else config.read_seconds
        line.usable = False
        # the database's own limit comes first: it knows how to stop
        async with asyncio.timeout(seconds + (1 if self.dialect == "postgresql" else 0)):
            if self.dialect == "postgresql":
                await connection.execution_options(postgresql_readonly=not writes)
            async with connection.begin():
                try:
                    if self.dialect == "postgresql":
                        limit = f"SET LOCAL statement_timeout = {int(seconds * 1000)}"
                        await connection.exec_driver_sql(limit)
                        done = await act(connection)
                    else:
                        await _begin(connection, writes=writes)
                        done = await _interruptible(connection, act)
                except ReconError:
                    line.usable = True  # ours, not the database's
                    raise
        line.usable = True
        return done

    async def _connect(self) -> Line:
        if self._engine is None:
            self._engine = self._make_engine()
        try:
            if self.dialect == "sqlite":
                # the driver's thread outlives a file that cannot be opened, and may complain about it
                await asyncio.to_thread(_read_a_byte, Path(str(self.config.url.database)))
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._engine.connect()
        except ReconError:  # the password cannot be read
            raise
        except Exception as cause:  # drivers raise what they like
            raise sql_errors.connecting(cause, self.config.address) from cause
        return Line(connection)

    def _make_engine(self) -> AsyncEngine:
        url = self.config.url
        arguments: dict[str, Any] = {}
        if self.dialect == "sqlite":
            # a file that is not there is an error, not an empty database
            query = {**url.query, "mode": "rw", "uri": "true"}
            url = url.set(database=f"file:{quote(str(url.database))}", query=query)
            arguments = {"timeout": LOCK_SECONDS}
        engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
        event.listen(engine.sync_engine, "do_connect", self._tell_password)
        if self.dialect == "sqlite":
            event.listen(engine.sync_engine, "connect", _prepare)
        return engine

    def _tell_password(
        self, _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
    ) -> None:
        if self.config.secret is not None:
            parameters["password"] = self.config.secret.read()


def _read_a_byte(path: Path) -> None:
    with path.open("rb") as file:
        file.read(1)


async def _is_alive(connection: AsyncConnection) -> bool:
    """A connection may have died while it was idle, and a write is not tried twice."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.scalar(select(literal(1)))
            await connection.rollback()
    except (SQLAlchemyError, OSError):
        return False
    return True


def _prepare(connection: Any, _record: Any) -> None:
    """Otherwise the driver would begin transactions when it likes, and one damaged text would spoil a page."""
    connection.isolation_level = None
    connection.driver_connection.text_factory = _text


def _text(raw: bytes) -> str | NotText:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NotText(raw)


async def _begin(connection: AsyncConnection, *, writes: bool) -> None:
    """SQLite's transaction; whoever wants to write waits for other writers until the time is over."""
    await connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    while True:
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        except OperationalError as cause:
            if not sql_errors.is_locked(cause):
                raise
            await asyncio.sleep(ASK_SECONDS)
        else:
            return


async def _interruptible(connection: AsyncConnection, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """SQLite would work on until its answer is complete, and only then hear that nobody wants it."""
    work = asyncio.ensure_future(act(connection))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        while not work.done():
            await driver.interrupt()
            await asyncio.wait({work}, timeout=0.05)
        with suppress(Exception):
            work.result()
        raise


async def _close(line: Line) -> None:
    with suppress(SQLAlchemyError, OSError):
        if not line.usable:
            await line.connection.invalidate()
        await line.connection.close()
