"""Backup of a store in use, and what a restore does to what was under way."""

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conf.database import Database
from conf.errors import ConfigError
from conf.terms import RunState, Stage
from flows.store import links, managed, runs, schema
from flows.store.backup import backup, restore
from flows.store.links import NewLink
from flows.store.managed import Stored
from flows.store.runs import NewRun


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "live.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Database]:
    opened = await Database.open(url)
    yield opened
    await opened.close()


async def test_copies_of_a_busy_store_hold_whole_transactions(
    store: Database, url: str, tmp_path: Path
) -> None:
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            async with store.write() as tx:
                await managed.insert_many(tx, "managed/user", [Stored(f"u{number}", 1, {"pad": "x" * 2000})])
                await links.insert_many(tx, [NewLink("m", "default", f"s{number}", f"u{number}")])

    writing = asyncio.create_task(write())
    copies = [tmp_path / f"copy{number}.db" for number in range(5)]
    for copy in copies:
        assert await backup(url, copy) == copy.stat().st_size
    stop.set()
    await writing
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        saved = await Database.open(f"sqlite:///{copy}")
        async with saved.read() as tx:
            users = await managed.ids(tx, "managed/user")
            assert [link.second_id for link in await links.all_links(tx, "m")] == users
        await saved.close()
    assert not list(tmp_path.glob(".*"))


async def test_a_restore_brings_the_old_state_back_and_ends_what_was_under_way(
    url: str, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    store = await Database.open(url)
    async with store.write() as tx:
        await managed.insert_many(tx, "managed/user", [Stored("old", 1, {})])
        await runs.insert(tx, NewRun("r1", "m", 1))
        await runs.claim(tx, "r1", "w1", 1, 10**15)
    await backup(url, saved)
    async with store.write() as tx:
        await managed.insert_many(tx, "managed/user", [Stored("new", 1, {})])
    await store.close()
    await restore(url, saved, now=77)
    store = await Database.open(url)
    async with store.read() as tx:
        assert await managed.ids(tx, "managed/user") == ["old"]
        run = await runs.read(tx, "r1")
        assert run is not None
        assert (run.state, run.stage, run.working, run.ended_at) == (
            RunState.FAILED,
            Stage.COMPLETED_FAILED,
            False,
            77,
        )
        assert "restored from a backup" in str(run.reason)
        assert (await tx.fetch("pragma journal_mode"))[0][0] == "wal"
    await store.close()


async def test_a_store_in_use_is_not_replaced(store: Database, url: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    await backup(url, saved)
    async with store.read() as tx:
        await tx.fetch("select count(*) from link")
    with pytest.raises(ConfigError, match="is in use"):
        await restore(url, saved)


async def test_what_is_no_backup_is_refused_and_changes_nothing(url: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"x" * 5000)
    empty = tmp_path / "empty.db"
    empty.touch()
    for source, said in ((tmp_path / "none.db", "no backup"), (broken, "no store"), (empty, "no store")):
        with pytest.raises(ConfigError, match=said):
            await restore(url, source)
    store = await Database.open(url)
    assert await schema.current(store) == schema.HEAD
    await store.close()


async def test_a_backup_overwrites_nothing(url: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        await backup(url, taken)
    with pytest.raises(ConfigError, match="could not be saved"):
        await backup(url, tmp_path / "no" / "folder.db")
    with pytest.raises(ConfigError, match="no store to save"):
        await backup(f"sqlite:///{tmp_path / 'nothing.db'}", tmp_path / "x.db")
    assert taken.read_text() == "mine"


async def test_postgresql_has_tools_of_its_own(tmp_path: Path) -> None:
    for act in (backup, restore):
        with pytest.raises(ConfigError, match="pg_dump"):
            await act("postgresql://recon@127.0.0.1/store", tmp_path / "x")
