"""Both sides changed since the last run: told, and answered by the side that counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.two_way.world import World, configuration, world

Json = dict[str, Any]


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        made.write({"uid": "1", "login": "ann", "city": "Graz", "mail": "ann@example.com"})
        yield made


def document(response: str = "UPDATE_RES_FROM_IDM", **more: Any) -> Json:
    situations = {
        "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
        "IDM_EXISTS__SYS_EXISTS": {"response": response},
    }
    return configuration(situations=situations, **more)


def copies(*, enabled: bool) -> Json:
    """A mapping that follows each change of a user."""
    return {
        "name": "copies",
        "source": "managed/user",
        "target": "managed/role",
        "enableSync": enabled,
        "properties": [{"source": "mail", "target": "name"}],
        "policies": [
            {"situation": "ABSENT", "action": "CREATE"},
            {"situation": "CONFIRMED", "action": "UPDATE"},
        ],
    }


async def change(hr: World, *, idm: str = "", resource: str = "") -> None:
    if idm:
        ann = (await hr.objects())["ann"]
        operations = [{"operation": "replace", "field": "/city", "value": idm}]
        assert (await hr.running.call("PATCH", f"managed/user/{ann['_id']}", operations))[0] == 200
    if resource:
        hr.write({"uid": "1", "login": "ann", "city": resource, "mail": "ann@example.com"})


@pytest.mark.parametrize(
    ("side", "response", "city"),
    [
        ("response", "UPDATE_RES_FROM_IDM", "Wien"),
        ("response", "UPDATE_IDM_FROM_RES", "Linz"),
        ("idm", "UPDATE_IDM_FROM_RES", "Wien"),
        ("resource", "UPDATE_RES_FROM_IDM", "Linz"),
    ],
)
async def test_a_conflict_is_told_and_answered_by_the_configured_side(
    hr: World, side: str, response: str, city: str
) -> None:
    await hr.configure(document(response, conflictAnsweredBy=side))
    await hr.run()
    await hr.run()
    await change(hr, idm="Wien", resource="Linz")
    run = await hr.run()
    (row,) = await hr.results(run)
    assert (row["status"], "conflict" in row["message"]) == ("SUCCESS", True), row
    assert (await hr.objects())["ann"]["city"] == hr.records()["ann"]["city"] == city
    (after,) = await hr.results(await hr.run())
    assert (after["status"], after["message"]) == ("NOTHING", "")


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_conflict_is_told_from_the_first_run_on(hr: World, implicit: bool) -> None:
    """Also one transaction an entry, which a mapping behind the repository asks for."""
    await hr.running.call("PUT", "config/sync", {"mappings": [copies(enabled=implicit)]})
    await hr.configure(document(conflictAnsweredBy="resource"))
    await hr.run()
    status, roles = await hr.running.call("GET", "managed/role?_queryFilter=true")
    assert (status, len(roles["result"])) == (200, int(implicit))
    await change(hr, idm="Wien", resource="Linz")
    (row,) = await hr.results(await hr.run())
    assert "conflict" in row["message"], row
    assert (await hr.objects())["ann"]["city"] == "Linz"
    await change(hr, idm="Wels", resource="Enns")
    (row,) = await hr.results(await hr.run())
    assert "conflict" in row["message"], row


@pytest.mark.parametrize("sides", [{"idm": "Wien"}, {"resource": "Linz"}])
async def test_a_change_of_one_side_is_no_conflict(hr: World, sides: dict[str, str]) -> None:
    await hr.configure(document(conflictAnsweredBy="resource"))
    await hr.run()
    await change(hr, **sides)
    (row,) = await hr.results(await hr.run())
    assert (row["status"], row["response"], row["message"]) == ("SUCCESS", "UPDATE_RES_FROM_IDM", "")


async def test_both_changed_alike_is_no_conflict(hr: World) -> None:
    await hr.configure(document())
    await hr.run()
    await change(hr, idm="Wien", resource="Wien")
    (row,) = await hr.results(await hr.run())
    assert (row["status"], row["message"]) == ("NOTHING", "")
