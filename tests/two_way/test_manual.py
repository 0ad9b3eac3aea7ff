"""Manual treatment: recorded only, or decided in the inbox; a single response may wait for a person too."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import conf.samples
from flows.approval_loop import drain_intents
from flows.workflow_project import definitions_of
from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
SAMPLE = Path(next(iter(conf.samples.__path__))) / "sync-asynchronous"
EVERY = {
    "IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_RES_FROM_IDM"},
    "IDM_EXISTS__SYS_NOT_EXISTS": {"response": "REMOVE_FROM_IDM"},
    "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
}


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        shutil.copytree(SAMPLE / "workflow", made.project / "workflow")
        shutil.copy(SAMPLE / "conf" / "workflow.json", made.project / "conf")
        made.running.runtime.project.refresh()
        await definitions_of(made.running.runtime)
        made.write(
            {"uid": "1", "login": "ann", "city": "Graz"},
            {"uid": "2", "login": "bob", "city": "Graz"},
        )
        await made.add(name="bob", city="Wien")
        await made.add(name="cid", city="Wien")
        yield made


async def tasks(hr: World) -> list[Json]:
    status, body = await hr.running.call("GET", "workflow/taskinstance?_queryId=query-all-ids")
    assert status == 200, body
    return [
        (await hr.running.call("GET", f"workflow/taskinstance/{row['_id']}"))[1] for row in body["result"]
    ]


async def decide(hr: World, *, approve: bool) -> None:
    """Decide every open task, and carry out what was approved."""
    for task in await tasks(hr):
        path = f"workflow/taskinstance/{task['_id']}?_action=complete"
        verdict = {"requestApproved": str(approve).lower()}
        # the answer waits for the outcome, and no worker is there but us
        deciding = asyncio.create_task(hr.running.call("POST", path, verdict))
        while not deciding.done():
            await drain_intents(hr.running.runtime, None, "test")
            await asyncio.sleep(0.02)
        status, body = await deciding
        assert status == 200, body


async def test_recorded_only_changes_nothing_and_tells_what_would_be_done(hr: World) -> None:
    await hr.configure(configuration(situations=EVERY, manualReconciliation="record"))
    before = (await hr.objects(), hr.records())
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    assert (await hr.objects(), hr.records()) == before
    told = {row["principal"]: (row["response"], row["status"]) for row in await hr.results(run)}
    assert told == {
        "ann": ("ADD_TO_IDM", "HELD"),
        "bob": ("UPDATE_RES_FROM_IDM", "HELD"),
        "cid": ("REMOVE_FROM_IDM", "HELD"),
    }
    assert await hr.links() == 0


@pytest.mark.long
async def test_in_the_inbox_every_response_waits_for_a_person(hr: World) -> None:
    await hr.configure(configuration(situations=EVERY, manualReconciliation="inbox"))
    run = await hr.run()
    assert {row["status"] for row in await hr.results(run)} == {"PENDING"}
    assert len(await tasks(hr)) == 3
    assert sorted(await hr.objects()) == ["bob", "cid"]

    again = await hr.run()
    assert again["status"] == "FINISHED"
    assert len(await tasks(hr)) == 3

    await decide(hr, approve=True)
    assert sorted(await hr.objects()) == ["ann", "bob"]
    assert hr.records()["bob"]["city"] == "Wien"
    assert (await hr.run())["message"] == "Nothing to do."


async def test_one_response_may_wait_alone(hr: World) -> None:
    add = {"response": "ADD_TO_IDM", "workflowName": "managedUserApproval"}
    situations = {**EVERY, "SYS_EXISTS__IDM_NOT_EXISTS": add}
    await hr.configure(configuration(situations=situations))
    await hr.run()
    assert sorted(await hr.objects()) == ["bob"]
    await decide(hr, approve=True)
    assert sorted(await hr.objects()) == ["ann", "bob"]


async def test_what_was_rejected_stays(hr: World) -> None:
    await hr.configure(configuration(situations=EVERY, manualReconciliation="inbox"))
    await hr.run()
    await decide(hr, approve=False)
    assert sorted(await hr.objects()) == ["bob", "cid"]
    run = await hr.run()
    assert await tasks(hr) == []
    assert run["status"] == "FINISHED"
