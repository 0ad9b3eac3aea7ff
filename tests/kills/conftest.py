"""Worlds at the moments at which something may happen to them."""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.store import schema
from tests import postgres
from tests.conftest import BOTH
from tests.kills.lives import (
    AUDITED,
    COUNTERS,
    HEADER,
    PEOPLE,
    SAMPLE,
    Undisturbed,
    World,
    after,
    carry_out_all,
    decide_all,
    run_to_its_end,
    strangers,
)
from tests.kills.product import Product


@pytest.fixture(params=BOTH)
def product(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Product]:
    """A running product on an empty database; RECON_KILLS_EXECUTOR chooses another executor than Prefect."""
    database = None
    if request.param == "postgresql":
        database = postgres.make_database(request.getfixturevalue("postgres_cluster"))
    executor = os.environ.get("RECON_KILLS_EXECUTOR", "prefect")
    with Product(tmp_path, database=database, executor=executor) as found:
        yield found


@pytest.fixture(scope="session")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty world with people in its source; copied for each case."""
    folder = tmp_path_factory.mktemp("born")
    shutil.copytree(SAMPLE, folder / "project")
    with (folder / "project" / "data" / "csvConnectorData.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for number in range(PEOPLE):
            id = f"p{number:02d}"
            writer.writerow(("made", id, f"{id}@example.com", id, "Person", f"{id}@example.com", "1234567"))
    (folder / "data").mkdir()
    asyncio.run(schema.upgrade(f"sqlite:///{folder}/data/reconvene.db"))
    world = World(folder)
    assert world.live(strangers)[0] == 0
    return folder


@pytest.fixture(scope="session")
def asked(born: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a run that nothing disturbed: everybody waits for a decision."""
    return after(born, tmp_path_factory.mktemp("asked"), run_to_its_end)


@pytest.fixture(scope="session")
def decided(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every request decided, and nothing carried out."""
    return after(asked, tmp_path_factory.mktemp("decided"), decide_all)


@pytest.fixture(scope="session")
def undisturbed(
    born: Path, asked: Path, decided: Path, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    visits = {}
    for name, before, work in (
        ("run", born, run_to_its_end), ("decide", asked, decide_all), ("perform", decided, carry_out_all)
    ):  # fmt: skip
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(before, folder, dirs_exist_ok=True)
        ended, visits[name] = World(folder).live(work)
        assert ended == 0
    world = World(asked)
    return Undisturbed(visits, world.rows(COUNTERS), world.rows(AUDITED))
