"""Where the Prefect server that we start keeps its data: beside ours.

SQLite in the data folder while ours is SQLite. On PostgreSQL a database of its own on the same server, so that the
servers of several machines show, and fire, the same.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Final

from sqlalchemy import URL, make_url

from conf.database import Database, parse_address
from flows.wake_postgres import connect

if TYPE_CHECKING:
    from conf.settings import Settings

SUFFIX: Final = "_prefect"
LONGEST: Final = 63
"""Letters that PostgreSQL keeps of a name."""
ANSWER_SECONDS: Final = 10.0

_LOG = logging.getLogger(__name__)


def beside(address: URL) -> URL:
    """The address of Prefect's database beside ours: `recon_prefect` for `recon`."""
    name = str(address.database)[: LONGEST - len(SUFFIX)]
    return address.set(database=f"{name}{SUFFIX}")


async def with_prefect_database(settings: Settings) -> Settings:
    """The settings with Prefect's database named where that follows from ours; it is created when it is missing.

    Where the account may not create one, Prefect keeps its data in the data folder, and the log says so. Raises
    ReconError when our own database cannot be used.
    """
    if settings.executor != "prefect" or settings.prefect_api or settings.prefect_database:
        return settings
    if parse_address(settings.database_url).drivername == "sqlite":
        return settings
    ours = make_url(settings.database_url)
    theirs = beside(ours)
    if not await _ensure(ours, str(theirs.database)):
        return settings
    return settings.model_copy(update={"prefect_database": theirs.render_as_string(hide_password=False)})


async def _ensure(ours: URL, name: str) -> bool:
    """Whether the database is there now."""
    refused = import_module("asyncpg").exceptions
    address = ours.render_as_string(hide_password=False)
    # says in a sentence what is wrong with ours
    await (await Database.open(address)).close()
    connection = await connect(address)
    try:
        if await connection.fetchval("select 1 from pg_database where datname = $1", name):
            return True
        await connection.execute(f'create database "{name.replace(chr(34), chr(34) * 2)}"')
    except refused.DuplicateDatabaseError:
        return True
    except refused.InsufficientPrivilegeError:
        _LOG.warning(
            "Prefect keeps its data in the data folder: this account may not create the database %s. "
            "Create it, or name another with RECON_PREFECT_DATABASE.",
            name,
        )
        return False
    finally:
        await connection.close(timeout=ANSWER_SECONDS)
    return True
