"""PostgreSQL: writers take turns by an advisory lock, so that a transaction means the same as on SQLite.

A process that hangs while it has the lock (its machine sleeps, it was stopped) would hold up everybody until the
server notices; whoever has waited in vain ends its session, and what it had written is undone. Its other sessions in
the queue end as well: each would have the lock next, and hang.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from os import getpid
from secrets import token_hex
from typing import Any, ClassVar

from sqlalchemy import URL, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from conf.errors import BadRequest, ConfigError, ReconError, Unavailable
from conf.transaction import BUSY, BUSY_SECONDS, Dialect, Duplicate, Mode, Row, Transaction

OLDEST = 140000
WRITER_LOCK = 0x7265636F6E
"""Key of the advisory lock of all writers."""
HANGS_SECONDS = 8
"""Who has the lock and lets the server wait for so long, between statements or in one, hangs.

Below `BUSY_SECONDS`, the time of a wait.
"""
WRITERS = 2
"""One at work and one in the queue: more would only wait for the lock, and keep connections from readers."""
READERS = 10
SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    # a plan made while a table was small must not outlive its growth
    "plan_cache_mode": "force_custom_plan",
    # the index over the whole table for a page of keys: today's disks jump as fast as they read on
    "random_page_cost": "1.1",
    # compiling costs more than our short statements take
    "jit": "off",
}
UNAVAILABLE = {
    "08": "The database does not answer. Try again.",
    "53": "The database has no room or no connection left. Try again.",
    "57": "The database stopped the request, or is starting or stopping. Try again.",
    "40": "The database could not order two writers. Try again.",
    "55": BUSY,
    "58": "The disk of the database does not work.",
}
REFUSED = {
    "28": "The database refuses this account; check user and password in its address.",
    "3D": "The server has no database of that name; create it, or check the address.",
}
BEGIN = {
    "read": "begin isolation level repeatable read read only",
    "write": "begin",
    "relaxed": "begin; set local synchronous_commit = off",
}
NO_LOCK = "55P03"
LOCK = f"select pg_advisory_xact_lock({WRITER_LOCK})"
END_WHO_HANGS = f"""
with writer as (
    select pid, granted, application_name, wait_event_type, state_change
    from pg_stat_activity join pg_locks using (pid)
    where locktype = 'advisory' and pg_locks.database = pg_stat_activity.datid
    and datname = current_database() and (classid::bigint << 32) + objid::bigint = {WRITER_LOCK}
),
hanging as (
    select application_name from writer where granted
    and wait_event_type = 'Client' and state_change < clock_timestamp() - make_interval(secs => $1)
)
select pg_terminate_backend(pid, 1000) from writer natural join hanging order by granted
"""


class PostgresTransaction(Transaction):
    """A transaction over asyncpg's own connection."""

    dialect: ClassVar[Dialect] = "postgresql"
    among: ClassVar[str] = "= any(?::text[])"
    among_numbers: ClassVar[str] = "= any(?::bigint[])"

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        super().__init__(connection)
        self._driver = driver

    @classmethod
    async def adopt(cls, connection: AsyncConnection) -> Transaction:
        return cls(connection, (await connection.get_raw_connection()).driver_connection)

    def texts(self, values: Sequence[str]) -> Any:
        return list(values)

    def numbers(self, values: Sequence[int]) -> Any:
        return list(values)

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return [tuple(row) for row in await self._driver.fetch(numbered(sql), *parameters)]

    async def _run(self, sql: str, parameters: Sequence[Any]) -> int:
        status: str = await self._driver.execute(numbered(sql), *parameters)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else -1

    async def _run_many(self, sql: str, rows: Sequence[Row]) -> None:
        await self._driver.executemany(numbered(sql), rows)

    async def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        await self._driver.copy_records_to_table(table, records=rows, columns=list(columns))

    async def _begin(self, mode: Mode) -> None:
        if mode == "read":
            await self._driver.execute(BEGIN[mode])
            return
        begin = f"{BEGIN[mode]}; {LOCK}"
        try:
            await self._driver.execute(begin)
        except Exception as error:
            if getattr(error, "sqlstate", None) != NO_LOCK:
                raise
            await self._driver.execute("rollback")
            if not await self._driver.fetch(END_WHO_HANGS, HANGS_SECONDS):
                raise
            await self._driver.execute(begin)

    async def _end(self, *, commit: bool) -> None:
        status = await self._driver.execute("commit" if commit else "rollback")
        if commit and status != "COMMIT":
            raise Unavailable("The database gave up the transaction; nothing of it was kept. Try again.")

    def _alive(self) -> bool:
        return bool(self._driver.is_in_transaction())

    @classmethod
    def explain(cls, error: Exception) -> ReconError | None:
        state = getattr(error, "sqlstate", None)
        if isinstance(error, (OSError, TimeoutError)):
            return Unavailable(UNAVAILABLE["08"])
        if isinstance(error, (OverflowError, UnicodeEncodeError)):
            return BadRequest(f"A value cannot be stored: {error}")
        if not isinstance(state, str):
            return cls._client_side(error)
        if state == "23505":
            return Duplicate("There is one with that key already")
        if state[:2] == "22" or state == "54000":
            return BadRequest(f"A value cannot be stored: {error}")
        if state[:2] in REFUSED:
            return ConfigError(REFUSED[state[:2]])
        words = UNAVAILABLE.get(state[:2])
        return Unavailable(words) if words else None

    @classmethod
    def _client_side(cls, error: Exception) -> ReconError | None:
        """Errors that the driver raises by itself carry no state."""
        if not type(error).__module__.startswith("asyncpg"):
            return None
        if isinstance(error, ValueError):
            return BadRequest(f"A value cannot be stored: {error}")
        # a session that is ended just now: the driver's own state has no word for it
        ending = "closed" in str(error) or type(error).__name__ == "InternalClientError"
        return Unavailable(UNAVAILABLE["08"]) if ending else None


def postgres_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Engines to write and to read; their sessions go by one name, that of nobody else."""
    name = f"reconvene {getpid()}-{token_hex(4)}"
    return _engine(url, name, WRITERS), _engine(url, name, READERS)


def _engine(url: URL, name: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"server_settings": SETTINGS | {"application_name": name}, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # the driver hears of a server that stopped, and knows of a block that was cancelled in its rollback;
        # asking it costs nothing, unlike a ping
        driver: Any = record.driver_connection
        if driver is not None and (driver.is_closed() or driver.is_in_transaction()):
            raise DisconnectionError

    return engine


@lru_cache(maxsize=4096)
def numbered(sql: str) -> str:
    """The statement with `$1`, `$2` for its `?`; those inside quotes stay."""
    found: list[str] = []
    count, quote = 0, ""
    for character in sql:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "?":
            count += 1
            found.append(f"${count}")
            continue
        found.append(character)
    return "".join(found)
