"""Pairs that are as they were when they were last settled are told without being looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
UPDATES = ("UPDATE_IDM_FROM_RES", "UPDATE_RES_FROM_IDM", "NOTHING")


def answers(both: str) -> Json:
    return {
        "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
        "IDM_EXISTS__SYS_EXISTS": {"response": both},
    }


def record(name: str, city: str = "Graz") -> Json:
    return {"uid": f"id-{name}", "login": name, "city": city}


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        made.write(*map(record, ("ann", "bob")))
        yield made


async def told(hr: World, **options: Any) -> dict[str, Json]:
    """The results of a run by name, without their own ids."""
    found = await hr.results(await hr.run(**options))
    return {row.pop("principal"): {k: v for k, v in row.items() if not k.startswith("_")} for row in found}


@pytest.mark.parametrize("both", UPDATES)
async def test_each_further_run_tells_the_same(hr: World, both: str) -> None:
    await hr.configure(configuration(situations=answers(both)))
    await hr.run()
    second, third, fourth = [await told(hr) for _ in range(3)]
    assert sorted(second) == ["ann", "bob"]
    assert {row["case"] for row in second.values()} == {"MATCH_FOUND"}
    assert third == second
    assert fourth == second


@pytest.mark.parametrize("both", UPDATES)
async def test_a_change_on_either_side_is_seen_and_is_no_conflict(hr: World, both: str) -> None:
    await hr.configure(configuration(situations=answers(both)))
    for _ in range(3):
        await hr.run()
    hr.write(record("ann", "Rom"), record("bob"))
    ann = (await told(hr))["ann"]
    assert (ann["case"], ann["response"]) == ("MATCH_FOUND_DIFFERENT", both)
    assert "conflict" not in str(ann.get("message"))
    for _ in range(3):
        await hr.run()
    bob = (await hr.objects())["bob"]
    change = [{"operation": "replace", "field": "/city", "value": "Linz"}]
    assert (await hr.running.call("PATCH", f"managed/user/{bob['_id']}", change))[0] == 200
    found = (await told(hr))["bob"]
    assert (found["case"], found["response"]) == ("MATCH_FOUND_DIFFERENT", both)
    assert "conflict" not in str(found.get("message"))


async def test_a_change_on_both_sides_is_a_conflict(hr: World) -> None:
    await hr.configure(configuration(situations=answers("UPDATE_IDM_FROM_RES")))
    for _ in range(3):
        await hr.run()
    hr.write(record("ann", "Rom"), record("bob"))
    ann = (await hr.objects())["ann"]
    change = [{"operation": "replace", "field": "/city", "value": "Linz"}]
    assert (await hr.running.call("PATCH", f"managed/user/{ann['_id']}", change))[0] == 200
    assert "conflict: both sides changed" in (await told(hr))["ann"]["message"]


async def test_a_changed_configuration_looks_at_everybody_again(hr: World) -> None:
    await hr.configure(configuration(situations=answers("NOTHING")))
    for _ in range(3):
        await hr.run()
    document = configuration(situations=answers("UPDATE_IDM_FROM_RES"))
    document["policyMap"].append({"idm": "employeeId", "resource": "uid"})
    await hr.configure(document)
    assert (await hr.run())["message"] == "Update IDM from Resource: 2."
    assert (await hr.objects())["ann"]["employeeId"] == "id-ann"


async def test_who_is_deleted_meanwhile_is_seen(hr: World) -> None:
    situations = answers("UPDATE_IDM_FROM_RES") | {"IDM_DELETED__SYS_EXISTS": {"response": "DELETE_FROM_RES"}}
    await hr.configure(configuration(situations=situations))
    for _ in range(3):
        await hr.run()
    objects = await hr.objects()
    change = [{"operation": "replace", "field": "/accountStatus", "value": "deleted"}]
    assert (await hr.running.call("PATCH", f"managed/user/{objects['ann']['_id']}", change))[0] == 200
    assert (await hr.running.call("DELETE", f"managed/user/{objects['bob']['_id']}"))[0] == 200
    assert {row["case"] for row in (await told(hr)).values()} == {"IDM_DELETED"}
    assert hr.records() == {}


async def test_what_is_not_at_rest_is_told_in_full_when_asked_for(hr: World) -> None:
    await hr.configure(configuration(situations=answers("NOTHING"), sendReportAboutDoNothingCases=True))
    for _ in range(3):
        await hr.run()
    found = await told(hr)
    assert found["ann"]["idmBefore"]["city"] == "Graz"
