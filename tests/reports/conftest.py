"""A server on an empty project with one two-way configuration: on SQLite, and on PostgreSQL with `-m services`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from flows.store import schema
from tests.reports.runs import CONFIGURATION
from tests.rest.conftest import Server, serve

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file; copying it is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    with asyncio.Runner() as runner:
        runner.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def folder(tmp_path: Path, store: Path) -> Path:
    """A project folder, with an empty store in its data folder."""
    (tmp_path / ".recon").mkdir(mode=0o700)
    shutil.copyfile(store, tmp_path / ".recon" / "reconvene.db")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "reconciliation-hr.json").write_bytes(orjson.dumps(CONFIGURATION))
    return tmp_path


@pytest.fixture(params=BOTH)
def chosen(request: pytest.FixtureRequest) -> dict[str, str]:
    """The database among the settings; nothing is SQLite in the project folder."""
    if request.param == "sqlite":
        return {}
    return {"database": request.getfixturevalue("postgres_database")}


@pytest.fixture
async def server(chosen: dict[str, str], folder: Path) -> AsyncIterator[Server]:
    async with serve(folder, public_url="https://recon.example.com/", **chosen) as found:
        yield found
