"""Every recorded world of a live OpenIDM 7.0.2 is answered alike."""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.player import Player, worlds
from tests.embedded import embedded

pytestmark = pytest.mark.timeout(600)


async def differing(tmp_path: Path, every: int = 1, **settings: Any) -> dict[str, list[str]]:
    """Play every so many worlds on one product; answers what differs, by world."""
    project = tmp_path / "project"
    (project / "conf").mkdir(parents=True)
    found = {}
    async with embedded(project, tmp_path / "data", **settings) as product:
        player = Player(product)
        await player.prepare()
        for world in worlds()[::every]:
            if differences := await player.play(world):
                found[world["id"]] = differences
    return found


async def test_every_eighth_recorded_world_is_answered_alike(tmp_path: Path) -> None:
    assert await differing(tmp_path, every=8) == {}


@pytest.mark.long
async def test_every_recorded_world_is_answered_alike(tmp_path: Path) -> None:
    assert await differing(tmp_path) == {}


@pytest.mark.long
async def test_page_boundaries_never_change_an_answer(tmp_path: Path) -> None:
    assert await differing(tmp_path, page_size=2) == {}


@pytest.mark.services
async def test_every_recorded_world_is_answered_alike_on_postgresql(
    tmp_path: Path, postgres_database: str
) -> None:
    assert await differing(tmp_path, database=postgres_database) == {}
