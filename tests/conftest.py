"""Fixtures that several parts share."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from flows.store import schema
from tests import postgres

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
