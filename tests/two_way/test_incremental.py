"""`updatedSince`: only what changed since the last run, on both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
SITUATIONS = {
    "IDM_DELETED__SYS_EXISTS": {"response": "DELETE_FROM_RES"},
    "IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_RES_FROM_IDM"},
    "IDM_EXISTS__SYS_NOT_EXISTS": {"response": "REMOVE_FROM_IDM"},
    "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
}


def record(name: str, city: str = "Graz") -> Json:
    return {"uid": name, "login": name, "city": city}


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        made.write(*map(record, ("ann", "bob", "cid")))
        await made.configure(configuration(situations=SITUATIONS, updatedSince="last"))
        assert (await made.run())["message"] == "Add Record to IDM from Resource: 3."
        yield made


async def principals(hr: World, run: Json) -> dict[str, str]:
    return {row["principal"]: row["response"] for row in await hr.results(run)}


async def test_without_a_change_nobody_is_looked_at(hr: World) -> None:
    run = await hr.run()
    assert (run["status"], run["message"], run["toIdmRun"]) == ("FINISHED", "Nothing to do.", None)


async def test_only_what_changed_in_the_resource_is_looked_at(hr: World) -> None:
    hr.write(record("ann"), record("bob", "Wien"), record("dan"))
    run = await hr.run()
    assert await principals(hr, run) == {
        "bob": "UPDATE_RES_FROM_IDM",
        "cid": "REMOVE_FROM_IDM",
        "dan": "ADD_TO_IDM",
    }
    assert hr.records()["bob"]["city"] == "Graz"
    assert sorted(await hr.objects()) == ["ann", "bob", "dan"]
    # our own write of bob's record is seen again, and is as it should be
    assert (await hr.run())["message"] == "Nothing to do."
    assert await hr.results(await hr.run()) == []


async def test_only_who_changed_in_the_repository_is_looked_at(hr: World) -> None:
    objects = await hr.objects()
    change = [{"operation": "replace", "field": "/city", "value": "Linz"}]
    status, _ = await hr.running.call("PATCH", f"managed/user/{objects['ann']['_id']}", change)
    assert status == 200
    run = await hr.run()
    assert await principals(hr, run) == {"ann": "UPDATE_RES_FROM_IDM"}
    assert hr.records()["ann"]["city"] == "Linz"


async def test_a_run_can_be_asked_to_be_complete(hr: World) -> None:
    run = await hr.run(updatedSince="none")
    assert sorted(await principals(hr, run)) == ["ann", "bob", "cid"]


async def test_a_file_cannot_tell_what_changed_since_a_day(hr: World) -> None:
    run = await hr.run(updatedSince="2026-01-01")
    assert run["status"] == "FAILED"
    assert '"updatedSince": "last"' in run["message"]


async def test_a_wrong_time_is_refused(hr: World) -> None:
    status, body = await hr.running.call(
        "POST", "reconciliation/hr?_action=start", {"updatedSince": "yesterday"}
    )
    assert status == 400
    assert "'yesterday' is not a time" in body["message"]
