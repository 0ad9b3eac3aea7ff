"""Objects and records that were linked and are gone; directions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
EVERY = (
    "IDM_DELETED__SYS_EXISTS",
    "IDM_EXISTS__SYS_EXISTS",
    "IDM_EXISTS__SYS_NOT_EXISTS",
    "SYS_EXISTS__IDM_NOT_EXISTS",
)


def answering(response: str, *situations: str) -> Json:
    return {situation: {"response": response} for situation in situations}


async def grown(hr: World) -> None:
    """Ann and Bob on both sides, linked."""
    hr.write(*({"uid": name, "login": name, "city": "Graz", "status": "active"} for name in ("ann", "bob")))
    await hr.configure(configuration(situations=answering("ADD_TO_IDM", EVERY[3])))
    assert (await hr.run())["status"] == "FINISHED"


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        await grown(made)
        yield made


async def delete(hr: World, name: str) -> None:
    found = (await hr.objects())[name]
    assert (await hr.running.call("DELETE", f"managed/user/{found['_id']}"))[0] == 200


GONE_FROM_IDM = {
    "NOTHING": (["bob"], {"ann": "active", "bob": "active"}, 2),
    "ADD_TO_IDM": (["ann", "bob"], {"ann": "active", "bob": "active"}, 2),
    "DELETE_FROM_RES": (["bob"], {"bob": "active"}, 1),
    "DISABLE_IN_RES": (["bob"], {"ann": "inactive", "bob": "active"}, 2),
    "DELETE_FROM_IDM": (["bob"], {"ann": "active", "bob": "active"}, 1),
    "REMOVE_FROM_IDM": (["bob"], {"ann": "active", "bob": "active"}, 1),
    "DISABLE_IN_IDM": (["bob"], {"ann": "active", "bob": "active"}, 2),
    "UPDATE_IDM_FROM_RES": (["bob"], {"ann": "active", "bob": "active"}, 2),
    "UPDATE_RES_FROM_IDM": (["bob"], {"ann": "active", "bob": "active"}, 2),
    "ADD_TO_RES": (["bob"], {"ann": "active", "bob": "active"}, 2),
}


@pytest.mark.parametrize("response", GONE_FROM_IDM)
async def test_an_object_that_was_deleted_is_known_by_its_link(hr: World, response: str) -> None:
    await delete(hr, "ann")
    await hr.configure(configuration(situations=answering(response, EVERY[0])))
    run = await hr.run()
    told = {row["principal"]: row["situation"] for row in await hr.results(run)}
    assert told["ann"] == "IDM_DELETED__SYS_EXISTS"
    objects, records, linked = GONE_FROM_IDM[response]
    assert sorted(await hr.objects()) == objects
    assert {name: row["status"] for name, row in hr.records().items()} == records
    assert await hr.links() == linked
    assert (await hr.run())["message"] == "Nothing to do."


@pytest.mark.parametrize(
    ("response", "objects", "records", "linked"),
    [
        ("ADD_TO_RES", ["ann", "bob"], ["ann", "bob"], 2),
        ("REMOVE_FROM_IDM", ["bob"], ["bob"], 1),
        ("DELETE_FROM_IDM", ["ann", "bob"], ["bob"], 1),
        ("DISABLE_IN_IDM", ["ann", "bob"], ["bob"], 2),
        ("NOTHING", ["ann", "bob"], ["bob"], 2),
    ],
)
async def test_a_record_that_was_deleted_is_known_by_its_link(
    hr: World, response: str, objects: list[str], records: list[str], linked: int
) -> None:
    hr.write({"uid": "bob", "login": "bob", "city": "Graz", "status": "active"})
    await hr.configure(configuration(situations=answering(response, EVERY[2])))
    run = await hr.run()
    case = {row["principal"]: row["case"] for row in await hr.results(run)}
    assert case["ann"] == "RESOURCE_DELETED"
    assert (sorted(await hr.objects()), sorted(hr.records())) == (objects, records)
    assert await hr.links() == linked
    assert (await hr.run())["message"] == "Nothing to do."


async def test_direction_to_idm_looks_at_records_only(hr: World) -> None:
    await hr.add(name="cid", city="Wien")
    situations = answering("REMOVE_FROM_IDM", EVERY[2]) | answering("UPDATE_RES_FROM_IDM", EVERY[1])
    await hr.configure(configuration(situations=situations, direction="toIdm"))
    run = await hr.run()
    assert sorted(row["principal"] for row in await hr.results(run)) == ["ann", "bob"]
    assert sorted(await hr.objects()) == ["ann", "bob", "cid"]


async def test_two_records_of_one_name_are_told_and_left_alone(hr: World) -> None:
    hr.write(
        {"uid": "1", "login": "cid", "city": "Graz"},
        {"uid": "2", "login": "cid", "city": "Wien"},
        {"uid": "ann", "login": "ann", "city": "Graz", "status": "active"},
        {"uid": "bob", "login": "bob", "city": "Graz", "status": "active"},
    )
    await hr.configure(configuration(situations=answering("ADD_TO_IDM", EVERY[3])))
    run = await hr.run()
    told = {row["resourceObjectId"]: (row["case"], row["status"]) for row in await hr.results(run)}
    assert told["1"] == ("NOT_EXIST_IN_IDM_DB", "SUCCESS")
    assert told["2"] == ("NOT_UNIQUE_KEY", "FAILURE")


async def test_what_a_whole_run_settled_is_nothing_to_do_for_an_incremental_one(hr: World) -> None:
    await hr.add(name="cid", city="Wien")
    await delete(hr, "ann")
    situations = answering("DELETE_FROM_RES", EVERY[0]) | answering("ADD_TO_RES", EVERY[2])
    await hr.configure(configuration(situations=situations, updatedSince="last"))
    run = await hr.run(updatedSince="none")
    assert run["status"] == "FINISHED", run
    assert sorted(hr.records()) == ["bob", "cid"]
    again = await hr.run()
    assert (again["status"], again["message"]) == ("FINISHED", "Nothing to do.")
