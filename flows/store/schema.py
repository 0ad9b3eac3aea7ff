"""The schema of the store: brings a database up to date, and refuses one that we do not understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, MetaData, inspect, text
from sqlmodel import SQLModel

from approvals import tables as approval_tables
from conf.database import Database, Transaction
from conf.errors import ConfigError
from flows.store import tables as store_tables
from flows.store import two_way_tables

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0002"
"""The newest migration: what this version of the program works with."""
VERSION_TABLE: Final = "reconvene_schema"
"""A name of our own, so that Prefect's tables may lie in the same database."""


def tables() -> MetaData:
    """The tables as the program declares them."""
    modules = (store_tables.__name__, two_way_tables.__name__, approval_tables.__name__)
    found = MetaData()
    for model in SQLModel.__subclasses__():
        if model.__module__ in modules:
            SQLModel.metadata.tables[str(model.__tablename__)].to_metadata(found)
    return found


async def upgrade(url: str) -> None:
    """Bring the database at this address up to date; nothing of it is kept when it fails halfway."""
    database = await Database.open(url)
    try:
        await migrate(database)
    finally:
        await database.close()


async def migrate(database: Database) -> None:
    """The same for an open database. Several processes may do it at once; one of them works."""
    async with database.read() as tx:
        version = await _version(tx)
    if version == HEAD:
        return
    async with database.write() as tx:
        if tx.dialect == "postgresql":
            await tx.run("set local statement_timeout = 0")
        version = await _version(tx)
        if version == HEAD:
            return
        if version is None:
            await _refuse_strangers(tx)
        await tx.connection.run_sync(_upgrade, version)


async def current(database: Database) -> str | None:
    """The migration the database stands at; None for one that is empty."""
    async with database.read() as tx:
        return await _version(tx)


async def check(database: Database) -> None:
    """Make sure that the file is sound, before work starts on it; takes about a second for each gigabyte."""
    if database.dialect == "postgresql":
        return
    async with database.read() as tx:
        rows = await tx.fetch("pragma quick_check(1)")
    if rows != [("ok",)]:
        raise ConfigError(
            f"The database file is damaged ({rows[0][0]}); stop, run `pragma integrity_check` on it, "
            "and restore a backup"
        )


async def _version(tx: Transaction) -> str | None:
    if not await tx.connection.run_sync(lambda connection: inspect(connection).has_table(VERSION_TABLE)):
        return None
    rows = await tx.fetch(f"select version_num from {VERSION_TABLE}")
    return str(rows[0][0]) if rows else None


async def _refuse_strangers(tx: Transaction) -> None:
    present = await tx.connection.run_sync(lambda connection: inspect(connection).get_table_names())
    if strangers := sorted(set(present) & set(tables().tables)):
        raise ConfigError(
            f"The database has a table {strangers[0]!r} that we did not make; name a database of its own"
        )


def _upgrade(connection: Connection, version: str | None) -> None:
    # Alembic costs 0.2 s, which a process that finds the schema in place need not pay
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    # shows Alembic that a transaction is open, so that it leaves the commit to us
    connection.execute(text("select 1"))
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise ConfigError(
            f"The database has schema {version}, which this version of reconvene does not know "
            f"(it knows up to {HEAD}); run the version that made it, or restore a backup"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "flows.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
