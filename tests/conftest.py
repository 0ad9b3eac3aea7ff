"""Fixtures that several parts share: the store of a test, on SQLite always and on PostgreSQL with `-m services`.

A test that touches the store asks for one of `database_url`, `store` and `module_store`, and so runs on both.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.store import schema
from tests import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]
"""SQLite always, PostgreSQL with `-m services`."""

LONGEST = (
    "test_worlds.py",
    "test_faults.py",
    "test_prefect.py",
    "test_hypothesis_worlds.py",
    "test_worker_process.py",
    "test_command_line.py",
)
"""Files whose few tests take longest go first: two processes share the rest, and neither waits for the other at the end."""

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file; copying it is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    with asyncio.Runner() as runner:
        runner.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """A PostgreSQL server for the session; its tests are marked `services`."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: str) -> Iterator[str]:
    """A migrated database, to be copied in the same way."""
    with postgres.database(postgres_cluster) as url:
        with asyncio.Runner() as runner:
            runner.run(schema.upgrade(url))
        yield url


@pytest.fixture
def postgres_database(postgres_cluster: str, postgres_template: str) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres.database(postgres_cluster, postgres_template) as url:
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that is up to date."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_database"))
    path = tmp_path / "store.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


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
    server, template = (request.getfixturevalue(f"postgres_{name}") for name in ("cluster", "template"))
    with postgres.database(server, template) as url:
        yield {"database": url}
