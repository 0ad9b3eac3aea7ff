"""Both databases for the tests of the store: SQLite always, PostgreSQL with `-m services`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conf.database import Database
from tests import postgres
from tests.conftest import BOTH


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: str = request.getfixturevalue("postgres_cluster")
    with postgres.database(server) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()
