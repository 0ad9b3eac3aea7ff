"""SQLite: one writer at a time by BEGIN IMMEDIATE, readers on snapshots beside it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson
from aiosqlite import Connection
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from conf.errors import BadRequest, ConfigError, ReconError, Unavailable
from conf.transaction import BUSY, BUSY_SECONDS, Dialect, Duplicate, Mode, Row, Transaction

OLDEST = (3, 40, 0)
PAGE_SIZE = 16384
CHECKPOINT_PAGES = 4000
ASK_SECONDS = 0.003
"""Pause between two tries to get the write lock."""
WRITER_CACHE_KIB = 65536
READER_CACHE_KIB = 4096
READERS = 8
GROWTH_FAILED = frozenset({"SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMOPEN"})
"""What SQLite says when there is no room for the index of its log."""
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"})


class SqliteTransaction(Transaction):
    """A transaction over aiosqlite: each call is one hop to the connection's thread."""

    dialect: ClassVar[Dialect] = "sqlite"
    among: ClassVar[str] = "in (select value from json_each(?))"
    among_numbers: ClassVar[str] = among

    def __init__(self, connection: AsyncConnection, driver: Connection) -> None:
        super().__init__(connection)
        self._driver = driver
        self._relaxed = False

    @classmethod
    async def adopt(cls, connection: AsyncConnection) -> Transaction:
        driver = (await connection.get_raw_connection()).driver_connection
        if not isinstance(driver, Connection):
            raise TypeError("the SQLite engine must use aiosqlite")
        return cls(connection, driver)

    def texts(self, values: Sequence[str]) -> Any:
        try:
            return orjson.dumps(list(values)).decode()
        except orjson.JSONEncodeError as error:
            raise BadRequest("A text holds characters that cannot be stored") from error

    def numbers(self, values: Sequence[int]) -> Any:
        return orjson.dumps(list(values)).decode()

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return [tuple(row) for row in await self._driver.execute_fetchall(sql, parameters)]

    async def _run(self, sql: str, parameters: Sequence[Any]) -> int:
        return (await self._driver.execute(sql, parameters)).rowcount

    async def _run_many(self, sql: str, rows: Sequence[Row]) -> None:
        await self._driver.executemany(sql, rows)

    async def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        marks = ",".join("?" * len(columns))
        await self._driver.executemany(f"insert into {table} ({','.join(columns)}) values ({marks})", rows)

    async def _begin(self, mode: Mode) -> None:
        if mode == "relaxed":
            self._relaxed = True
            await self._driver.execute("pragma synchronous=normal")
        if mode == "read":
            await self._driver.execute("begin")
        else:
            await self._begin_writing()

    async def _begin_writing(self) -> None:
        """Take the write lock, asking often: SQLite's own waiting sleeps longer and longer, so that a run which writes
        page after page would starve everybody else."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                await self._driver.execute("begin immediate")
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY" or time.monotonic() > end:
                    raise
                await asyncio.sleep(ASK_SECONDS)
            else:
                return

    async def _end(self, *, commit: bool) -> None:
        await (self._driver.commit() if commit else self._driver.rollback())
        if self._relaxed:
            self._relaxed = False
            await self._driver.execute("pragma synchronous=full")

    def _alive(self) -> bool:
        return self._driver.in_transaction

    @classmethod
    def explain(cls, error: Exception) -> ReconError | None:
        if isinstance(error, (OverflowError, UnicodeEncodeError)):
            return BadRequest(f"A value cannot be stored: {error}")
        name = getattr(error, "sqlite_errorname", "")
        if not isinstance(error, sqlite3.Error) or not isinstance(name, str):
            return None
        if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
            return Duplicate("There is one with that key already")
        if name in GROWTH_FAILED:
            name = "SQLITE_FULL"
        words = {
            "SQLITE_BUSY": BUSY,
            "SQLITE_LOCKED": BUSY,
            "SQLITE_FULL": "The disk of the database is full; nothing was lost. Make room and try again.",
            "SQLITE_READONLY": "The database cannot be written: check the permissions of its file.",
            "SQLITE_CANTOPEN": "The database file cannot be opened: check its path and permissions.",
            "SQLITE_IOERR": "The disk of the database does not work.",
            "SQLITE_CORRUPT": "The database file is damaged (`pragma integrity_check`); restore a backup.",
            "SQLITE_NOTADB": "The database file is not an SQLite database.",
            "SQLITE_TOOBIG": "",
        }.get("_".join(name.split("_")[:2]))
        if words is None:
            return None
        return Unavailable(words) if words else BadRequest("A value is too large to be stored")


def sqlite_engines(path: Path) -> tuple[AsyncEngine, AsyncEngine]:
    """Engines to write (one connection, so writers queue in order) and to read; makes the file, mode 0600."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old: 3.40 or later is needed")
    if not path.parent.is_dir():
        raise ConfigError(f"The folder of the database does not exist: {path.parent}")
    if (kind := file_system(path.parent)) in REMOTE:
        raise ConfigError(f"The database must not lie on a network file system ({kind}): {path.parent}")
    try:
        # the log beside the file takes over its mode
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigError(f"The database cannot be written: {path} ({error.strerror})") from error
    return _engine(path, writer=True), _engine(path, writer=False)


def _engine(path: Path, *, writer: bool) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        pool_size=1 if writer else READERS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
    )
    settings = [
        f"page_size={PAGE_SIZE}",
        "journal_mode=wal",
        "synchronous=full",
        "foreign_keys=on",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"cache_size=-{WRITER_CACHE_KIB if writer else READER_CACHE_KIB}",
        "temp_store=memory",
    ]
    # a writer asks for the lock itself, see _begin_writing
    settings.append("busy_timeout=0" if writer else "query_only=on")

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(f"pragma {setting}")
        cursor.close()

    return engine


def file_system(folder: Path) -> str:
    """Kind of file system a folder is on, as /proc/mounts names it; empty when that cannot be told."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    found, kind = "", ""
    place = str(folder.resolve())
    for line in lines:
        _, mount, name, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(found):
            found, kind = mount, name
    return kind
