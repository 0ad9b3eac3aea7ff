"""The migrations make exactly the tables that the program declares."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from conf.database import Database
from conf.errors import ConfigError, Unavailable
from flows.store import managed, schema
from flows.store.managed import Stored


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(
        connection, opts={"version_table": schema.VERSION_TABLE, "compare_server_default": True}
    )
    return list(compare_metadata(context, schema.tables()))


async def test_migrated_schema_is_what_the_tables_declare(empty_url: str) -> None:
    await schema.upgrade(empty_url)
    database = await Database.open(empty_url)
    try:
        async with database.write() as tx:
            assert await tx.connection.run_sync(differences) == []
    finally:
        await database.close()


async def test_a_second_upgrade_finds_nothing_to_do(empty_url: str) -> None:
    await schema.upgrade(empty_url)
    await schema.upgrade(empty_url)
    database = await Database.open(empty_url)
    assert await schema.current(database) == schema.HEAD
    await database.close()


async def test_many_processes_may_upgrade_at_once(empty_url: str) -> None:
    await asyncio.gather(*(schema.upgrade(empty_url) for _ in range(4)))


async def test_a_newer_schema_is_refused_in_one_sentence(database: Database) -> None:
    async with database.write() as tx:
        await tx.run(f"update {schema.VERSION_TABLE} set version_num = ?", ("9999",))
    with pytest.raises(ConfigError, match="schema 9999, which this version of reconvene does not know"):
        await schema.migrate(database)


async def test_tables_that_are_not_ours_are_left_alone(empty_url: str) -> None:
    database = await Database.open(empty_url)
    async with database.write() as tx:
        await tx.run("create table link (mine text)")
        await tx.run("create table unrelated (mine text)")
    with pytest.raises(ConfigError, match="table 'link' that we did not make"):
        await schema.migrate(database)
    async with database.read() as tx:
        assert await tx.fetch("select mine from link") == []
    await database.close()


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "HEAD", "no such migration")
    with pytest.raises(Exception, match="no such migration"):
        await schema.upgrade(empty_url)
    monkeypatch.undo()
    await schema.upgrade(empty_url)


def test_the_newest_migration_is_the_one_the_program_names() -> None:
    assert ScriptDirectory.from_config(schema.configuration()).get_current_head() == schema.HEAD


async def test_a_damaged_file_is_not_worked_on(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(sqlite_template, path)
    database = await Database.open(f"sqlite:///{path}")
    await schema.check(database)
    async with database.write() as tx:
        await managed.insert_many(
            tx, "t", [Stored(f"{number}", 1, {"pad": "x" * 500}) for number in range(500)]
        )
    await database.close()
    content = path.read_bytes()
    path.write_bytes(content[:-40_000] + bytes(40_000))
    with pytest.raises((ConfigError, Unavailable), match="damaged"):
        await open_and_check(f"sqlite:///{path}")
    path.write_bytes(content[:-40_000])
    with pytest.raises((ConfigError, Unavailable), match="damaged"):
        await open_and_check(f"sqlite:///{path}")


async def open_and_check(url: str) -> None:
    database = await Database.open(url)
    try:
        await schema.check(database)
    finally:
        await database.close()
