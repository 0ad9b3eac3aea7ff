"""Both databases for the tests of the store: SQLite always, PostgreSQL with `-m services`."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conf.database import Database
from flows.store import schema
from tests import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file; copying it is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    with asyncio.Runner() as runner:
        runner.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    url = postgres.make_database(postgres_server)
    with asyncio.Runner() as runner:
        runner.run(schema.upgrade(url))
    yield url
    postgres.drop_database(postgres_server, url)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    url = postgres.make_database(server)
    yield url
    postgres.drop_database(server, url)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that is up to date."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: str = request.getfixturevalue("postgres_server")
    url = postgres.make_database(server, request.getfixturevalue("postgres_template"))
    yield url
    postgres.drop_database(server, url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()
