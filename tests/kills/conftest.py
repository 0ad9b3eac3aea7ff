"""The product that dies, and the worlds in which lives end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import postgres
from tests.conftest import BOTH
from tests.kills.product import Product
from tests.kills.worlds import Worlds


@pytest.fixture(params=BOTH)
def product(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Product]:
    """A running product on an empty database; RECON_KILLS_EXECUTOR chooses another executor than Prefect."""
    executor = os.environ.get("RECON_KILLS_EXECUTOR", "prefect")
    with ExitStack() as stack:
        database = None
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_cluster")
            database = stack.enter_context(postgres.database(server))
        yield stack.enter_context(Product(tmp_path, database=database, executor=executor))


@pytest.fixture(scope="session")
def sqlite_worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with Worlds.kept(tmp_path_factory.mktemp("worlds")) as found:
        yield found


@pytest.fixture(scope="session")
def postgresql_worlds(tmp_path_factory: pytest.TempPathFactory, postgres_cluster: str) -> Iterator[Worlds]:
    with Worlds.kept(tmp_path_factory.mktemp("worlds"), postgres_cluster) as found:
        yield found


@pytest.fixture(params=BOTH)
def worlds(request: pytest.FixtureRequest) -> Worlds:
    """Worlds whose stores are SQLite, and such on PostgreSQL."""
    found = request.getfixturevalue(f"{request.param}_worlds")
    assert isinstance(found, Worlds)
    return found
