"""Fixtures that several parts share."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from flows.store import schema
from tests import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]
"""SQLite always, PostgreSQL with `-m services`."""

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """A PostgreSQL server for the session; its tests are marked `services`."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_cluster: str) -> Iterator[str]:
    """A fresh, migrated database."""
    url = postgres.make_database(postgres_cluster)
    with asyncio.Runner() as runner:
        runner.run(schema.upgrade(url))
    yield url
    postgres.drop_database(postgres_cluster, url)


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """The database among the settings of a product; nothing is SQLite in its data folder."""
    if request.param == "sqlite":
        return {}
    return {"database": request.getfixturevalue("postgres_database")}


@pytest.fixture(scope="module", params=BOTH)
def module_store(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The same for a product that all tests of a module share."""
    if request.param == "sqlite":
        yield {}
        return
    server = request.getfixturevalue("postgres_cluster")
    url = postgres.make_database(server)
    yield {"database": url}
    postgres.drop_database(server, url)
