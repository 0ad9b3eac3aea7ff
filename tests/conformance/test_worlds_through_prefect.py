"""Recorded worlds with every run carried out as a Prefect flow, by a real server and worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conf.database import Database
from tests.conformance.player import Player, worlds
from tests.kills.databases import LONG
from tests.kills.product import Product

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

EVERY = 17
"""One world in so many: about twenty; on PostgreSQL four of them, unless RECON_KILLS=long."""


@dataclass
class Runtime:
    """What the player needs besides calls."""

    database: Database


@dataclass
class Remote:
    """A product in processes of its own, seen as the player sees one in this process."""

    product: Product
    runtime: Runtime

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await asyncio.to_thread(self.product.call, method, path, body, timeout=120)


@pytest.fixture
def product(tmp_path: Path, store: dict[str, str]) -> Iterator[Product]:
    """The product on an empty project; its Prefect server keeps its data beside ours."""
    (tmp_path / "project" / "conf").mkdir(parents=True)
    with Product(tmp_path, **store) as product:
        yield product


async def test_runs_through_prefect_answer_alike(product: Product) -> None:
    every = EVERY if LONG or product.database is None else 5 * EVERY
    database = await Database.open(product.store)
    try:
        player = Player(Remote(product, Runtime(database)))
        await player.prepare()
        found = {}
        for world in worlds()[::every]:
            if differences := await player.play(world):
                found[world["id"]] = differences
        assert found == {}
    finally:
        await database.close()
