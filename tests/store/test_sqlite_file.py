"""What is SQLite's own: its lock, a disk that is full, the file and its settings."""

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from conf.database import Database
from conf.errors import Unavailable


async def test_a_lock_that_is_never_given_up_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conf.database_sqlite.BUSY_SECONDS", 0.2)
    path = tmp_path / "store.db"
    database = await Database.open(f"sqlite:///{path}")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    try:
        with pytest.raises(Unavailable, match="The database is busy"):
            async with database.write():
                pass
        async with database.read() as tx:
            assert await tx.fetch("select 1") == [(1,)]
    finally:
        holder.close()
    async with database.write() as tx:
        await tx.fetch("select 1")
    await database.close()


async def test_a_full_disk_keeps_what_was_there_and_masks_nothing(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'store.db'}")
    async with database.write() as tx:
        await tx.run("create table big (body text)")
        await tx.run("insert into big values ('first')")
        pages = (await tx.fetch("pragma page_count"))[0][0]
        await tx.fetch(f"pragma max_page_count = {pages + 4}")

    async def fill() -> None:
        async with database.write() as tx:
            for _ in range(100):
                await tx.run("insert into big values (?)", ("x" * 10_000,))

    with pytest.raises(Unavailable, match="disk of the database is full"):
        await fill()
    async with database.read() as tx:
        assert await tx.fetch("select body from big") == [("first",)]
        assert await tx.fetch("pragma integrity_check") == [("ok",)]
    await database.close()


async def test_nothing_commits_by_itself_after_the_database_gave_up(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'store.db'}")
    async with database.write() as tx:
        await tx.run("create table t (n int)")
        # as SQLite does by itself when the disk is full or broken
        await tx.run(
            "create trigger gives_up before insert on t when new.n = 2 "
            "begin select raise(rollback, 'the disk'); end"
        )

    async def keep_going() -> None:
        async with database.write() as tx:
            await tx.run("insert into t values (1)")
            with suppress(sqlite3.Error):
                await tx.run("insert into t values (2)")
            with suppress(Unavailable):
                await tx.run("insert into t values (3)")

    with pytest.raises(Unavailable, match="nothing of it was kept"):
        await keep_going()
    async with database.read() as tx:
        assert await tx.fetch("select n from t") == []
    await database.close()


async def test_the_file_is_private_and_has_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = await Database.open(f"sqlite:///{path}")
    async with database.write() as tx:
        await tx.run("create table t (n int)")
        settings = {
            name: (await tx.fetch(f"pragma {name}"))[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "page_size", "busy_timeout")
        }
        assert stat.S_IMODE(Path(f"{path}-wal").stat().st_mode) == 0o600
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "page_size": 16384,
        "busy_timeout": 0,  # a writer asks for the lock itself
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await database.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database at all, but long enough to look like one" * 100)
    with pytest.raises(Unavailable, match="is not an SQLite database"):
        await Database.open(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database")
