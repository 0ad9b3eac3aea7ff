"""Backup and restore of a store that is an SQLite file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from conf.database import Database, parse_address
from conf.errors import ConfigError
from conf.terms import Stage
from flows.store import schema

ADVICE: Final = (
    "A PostgreSQL database is saved by its own tools: pg_dump --format=custom --file=FILE DATABASE, "
    "and pg_restore --clean --if-exists --dbname=DATABASE FILE"
)


async def backup(url: str, target: Path) -> int:
    """Copy the store to a new file, mode 0600, while it is in use; answers its size in bytes.

    The copy is the state of one moment. It is checked before it gets its name.
    """
    source = file_of(url)
    return await asyncio.to_thread(_backup, source, target)


def _backup(source: Path, target: Path) -> int:
    if not source.exists():
        raise ConfigError(f"There is no store to save at {source}")
    if target.exists():
        raise ConfigError(f"{target} exists already; name another file")
    unfinished = target.with_name(f".{target.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(source)) as store, closing(sqlite3.connect(unfinished)) as copy:
            store.backup(copy)
            _check(copy, unfinished)
            # one file, without a log beside it
            copy.execute("pragma journal_mode=delete")
        _sync(unfinished)
        os.link(unfinished, target)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"The store could not be saved to {target}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(target.parent)
    return target.stat().st_size


async def restore(url: str, source: Path, now: int | None = None) -> None:
    """Put a backup in place of the store, which nobody may have open.

    Runs of that time end as failed, for their workers are gone, and orders that were being carried out are
    looked at again; people log in anew.
    """
    target = file_of(url)
    await asyncio.to_thread(_restore, source, target)
    database = await Database.open(url)
    try:
        await schema.migrate(database)
        await _settle(database, time.time_ns() // 1_000_000 if now is None else now)
    finally:
        await database.close()


def _restore(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ConfigError(f"There is no backup {source}")
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as saved:
            _check(saved, source)
            target.touch(mode=0o600)
            with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as store:
                _lock(store, target)
                saved.backup(store)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"The backup {source} could not be restored: {error}") from error


def _lock(store: sqlite3.Connection, target: Path) -> None:
    try:
        store.execute("pragma locking_mode=exclusive")
        store.execute("begin exclusive")
        store.execute("commit")
    except sqlite3.OperationalError as error:
        raise ConfigError(f"The store {target} is in use; stop what runs on it first") from error


def _check(copy: sqlite3.Connection, path: Path) -> None:
    try:
        sound = copy.execute("pragma quick_check").fetchone()[0] == "ok"
        version = copy.execute(f"select version_num from {schema.VERSION_TABLE}").fetchone()
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is no store of reconvene: {error}") from error
    if not sound or version is None:
        raise ConfigError(f"{path} is damaged; nothing was changed")


async def _settle(database: Database, now: int) -> None:
    async with database.write() as tx:
        await tx.run(
            "update recon_run set state = ?, stage = ?, working = 0, owner = null, lease_until = null, "
            "token = token + 1, ended_at = ?, reason = ? where state = 'ACTIVE'",
            (
                Stage.COMPLETED_FAILED.state.value,
                Stage.COMPLETED_FAILED.value,
                now,
                "The store was restored from a backup while this run was under way; launch it again",
            ),
        )
        await tx.run("delete from recon_page")
        await tx.run(
            "update two_way_run set status = 'FAILED', ended = ?, owner = null, lease_until = null, "
            "token = token + 1, message = ? where ended is null",
            (now, "The store was restored from a backup while this run was under way; start it again"),
        )
        await tx.run(
            "update intent set state = 'READY', owner = null, lease_until = null, token = token + 1 "
            "where state = 'CLAIMED'"
        )
        await tx.run("delete from worker")
        await tx.run("delete from login_session")


def file_of(url: str) -> Path:
    """The file behind the URL of an SQLite store; ConfigError says how PostgreSQL is saved."""
    address = parse_address(url)
    if address.drivername != "sqlite":
        raise ConfigError(ADVICE)
    return Path(str(address.database))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
