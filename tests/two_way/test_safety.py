"""What keeps a two-way run from destroying: guards, empty sides, records that cannot be read, filters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows.store import runs
from tests.two_way.world import World, configuration, world

Json = dict[str, Any]


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        yield made


def record(name: str, **more: str) -> Json:
    return {"uid": name, "login": name, "city": "Graz", **more}


def answers(**responses: str) -> Json:
    """Responses by the beginnings of the situations' names."""
    names = {
        "deleted": "IDM_DELETED__SYS_EXISTS",
        "both": "IDM_EXISTS__SYS_EXISTS",
        "idm": "IDM_EXISTS__SYS_NOT_EXISTS",
        "resource": "SYS_EXISTS__IDM_NOT_EXISTS",
    }
    return {names[name]: {"response": response} for name, response in responses.items()}


async def grown(hr: World, count: int) -> list[str]:
    """So many people on both sides, linked."""
    names = [f"p{number:02}" for number in range(count)]
    hr.write(*map(record, names))
    await hr.configure(configuration(situations=answers(resource="ADD_TO_IDM")))
    assert (await hr.run())["status"] == "FINISHED"
    return names


@pytest.mark.parametrize("response", ["REMOVE_FROM_IDM", "DISABLE_IN_IDM", "DELETE_FROM_IDM"])
async def test_too_many_at_once_are_held_with_the_numbers_and_pass_by_name(hr: World, response: str) -> None:
    names = await grown(hr, 40)
    hr.write(*map(record, names[11:]))
    before = await hr.objects()
    await hr.configure(configuration(situations=answers(idm=response)))

    run = await hr.run()

    assert run["status"] == "FAILED"
    assert response in run["message"]
    assert "11 of 40" in run["message"]
    assert await hr.objects() == before
    assert {row["status"] for row in await hr.results(run) if row["response"] == response} == {"HELD"}

    allowed = await hr.run(allow=[response])
    assert allowed["status"] == "FINISHED"
    assert allowed["counts"]["IDM_EXISTS__SYS_NOT_EXISTS"][response] == {"SUCCESS": 11}


@pytest.mark.parametrize("response", ["DELETE_FROM_RES", "DISABLE_IN_RES"])
async def test_the_resource_is_guarded_too(hr: World, response: str) -> None:
    await grown(hr, 12)
    hr.write(*(record(f"new{number}") for number in range(30)))
    before = hr.records()
    await hr.configure(configuration(situations=answers(resource=response)))

    run = await hr.run()

    assert run["status"] == "FAILED"
    assert "30 of 30 objects of the resource" in run["message"]
    assert hr.records() == before


async def test_ten_pass_and_so_do_more_of_many(hr: World) -> None:
    names = await grown(hr, 60)
    hr.write(*map(record, names[15:]))
    await hr.configure(configuration(situations=answers(idm="REMOVE_FROM_IDM")))
    assert (await hr.run())["status"] == "FINISHED"
    assert len(await hr.objects()) == 45


async def test_an_empty_resource_ends_the_run_and_nothing_is_deleted(hr: World) -> None:
    await grown(hr, 5)
    hr.write()
    await hr.configure(configuration(situations=answers(idm="REMOVE_FROM_IDM")))
    run = await hr.run()
    assert (run["status"], len(await hr.objects())) == ("FAILED", 5)
    assert "empty" in run["message"]
    assert (await hr.run(allowEmpty=True))["status"] == "FINISHED"
    assert await hr.objects() == {}


async def test_an_empty_repository_ends_the_run_and_nothing_is_deleted(hr: World) -> None:
    await grown(hr, 5)
    async with hr.running.runtime.database.write() as tx:
        await tx.run("delete from managed_object where type = 'user'")
    await hr.configure(configuration(situations=answers(deleted="DELETE_FROM_RES")))
    run = await hr.run()
    assert (run["status"], len(hr.records())) == ("FAILED", 5)
    assert "no object at all, though 5 are linked" in run["message"]


async def test_a_file_that_is_gone_ends_the_run(hr: World) -> None:
    await grown(hr, 3)
    hr.file.unlink()
    await hr.configure(configuration(situations=answers(idm="REMOVE_FROM_IDM")))
    run = await hr.run()
    assert (run["status"], len(await hr.objects())) == ("FAILED", 3)
    assert "hr.csv" in run["message"]


async def test_a_record_that_cannot_be_read_protects_its_object(hr: World) -> None:
    await grown(hr, 3)
    text = hr.file.read_text().splitlines()
    hr.file.write_text("\n".join([*text[:3], text[3] + ",too,many"]) + "\n")
    await hr.configure(configuration(situations=answers(idm="REMOVE_FROM_IDM")))
    run = await hr.run()
    assert (run["status"], len(await hr.objects())) == ("FINISHED", 3)
    broken = [row for row in await hr.results(run) if row["status"] == "FAILURE"]
    assert [(row["case"], row["resourceObjectId"]) for row in broken] == [("BROKEN_CSV", "p02")]
    assert "line 4" in broken[0]["message"]


async def test_a_record_without_the_attribute_it_is_matched_by_is_named(hr: World) -> None:
    hr.write(record("ann"), {"uid": "2", "city": "Wien"})
    await hr.configure(configuration(situations=answers(resource="ADD_TO_IDM")))
    run = await hr.run()
    failed = [row for row in await hr.results(run) if row["status"] == "FAILURE"]
    assert [(row["case"], row["resourceObjectId"]) for row in failed] == [("LOGIN_NOT_FOUND", "2")]
    assert failed[0]["message"].endswith("Match Attribute Name: login")
    assert list(await hr.objects()) == ["ann"]


async def test_a_filter_that_finds_nobody_makes_it_one_way(hr: World) -> None:
    hr.write(record("ann"), record("bob"))
    await hr.add(name="bob", city="Wien")
    await hr.add(name="cid", city="Wien")
    responses = answers(idm="REMOVE_FROM_IDM", resource="ADD_TO_IDM", both="UPDATE_IDM_FROM_RES")
    await hr.configure(configuration(situations=responses, idmSearchQueryFilter={"employeeId": "notexists"}))
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    found = {name: row["city"] for name, row in (await hr.objects()).items()}
    assert found == {"ann": "Graz", "bob": "Graz", "cid": "Wien"}


async def test_what_a_resource_filter_leaves_out_is_not_taken_for_gone(hr: World) -> None:
    hr.write(record("ann"), record("bob", city="Wien"))
    await hr.add(name="bob", city="Wien")
    await hr.add(name="cid", city="Wien")
    responses = answers(idm="REMOVE_FROM_IDM", resource="ADD_TO_IDM")
    await hr.configure(configuration(situations=responses, targetSystemSearchQueryFilter='city eq "Graz"'))
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    assert sorted(await hr.objects()) == ["ann", "bob"]


async def test_a_wrong_filter_ends_the_run_with_its_reason(hr: World) -> None:
    hr.write(record("ann"))
    await hr.configure(configuration(targetSystemSearchQueryFilter='city = "Graz"'))
    run = await hr.run()
    assert run["status"] == "FAILED"
    assert run["message"].startswith("targetSystemSearchQueryFilter:")


async def test_direction_to_resource_looks_at_objects_only(hr: World) -> None:
    hr.write(record("ann"), record("bob", city="Wien"))
    await hr.add(name="bob", city="Graz")
    await hr.add(name="cid", city="Graz")
    responses = answers(idm="ADD_TO_RES", resource="ADD_TO_IDM", both="UPDATE_RES_FROM_IDM")
    await hr.configure(configuration(situations=responses, direction="toResource"))
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    assert {name: row["city"] for name, row in hr.records().items()} == dict.fromkeys(
        ("ann", "bob", "cid"), "Graz"
    )
    assert sorted(await hr.objects()) == ["bob", "cid"]


async def test_an_inactive_configuration_and_a_second_start_are_refused(hr: World) -> None:
    await hr.configure(configuration(status="Inactive"))
    status, body = await hr.running.call("POST", "reconciliation/hr?_action=start")
    assert (status, body["detail"]["reason"]) == (409, "FAIL_PROCESS_INACTIVE")
    hr.write(*(record(f"p{number}") for number in range(50)))
    await hr.configure(configuration(situations=answers(resource="ADD_TO_IDM")))
    status, _ = await hr.running.call("POST", "reconciliation/hr?_action=start")
    assert status == 200
    status, body = await hr.running.call("POST", "reconciliation/hr?_action=start")
    assert (status, body["detail"]["reason"]) == (409, "FAIL_PROCESS_ALREADY_RUNNING")


async def test_its_mappings_cannot_be_run_past_the_guards(hr: World) -> None:
    await hr.configure(configuration())
    status, body = await hr.running.call("POST", "recon?_action=recon&mapping=reconciliation_hr_toIdm")
    assert status == 409
    assert "reconciliation/hr" in body["message"]


async def test_wrong_attribute_names_are_told_with_the_nearest_right_one(hr: World) -> None:
    wrong = configuration()
    wrong["policyMap"][2] = {"idm": "mial", "resource": "mail"}
    wrong["policyMap"][3] = {"idm": "city", "resource": "citi"}
    status, body = await hr.running.call("PUT", "config/reconciliation/hr", wrong)
    assert status == 400
    told = {problem["path"]: problem["message"] for problem in body["detail"]["problems"]}
    assert told["policyMap[2].idm"] == "managed/user has no attribute 'mial'. Did you mean mail?"
    assert told["policyMap[3].resource"] == "system/hr/account has no attribute 'citi'. Did you mean city?"


async def test_a_file_that_is_wrong_is_told_with_its_line(hr: World) -> None:
    path = hr.project / "conf" / "reconciliation-hr.json"
    path.write_text(json.dumps(configuration(frequency="Every 5 mn"), indent=1))
    hr.running.runtime.project.refresh()
    status, body = await hr.running.call("GET", "reconciliation/hr")
    assert status == 200
    assert body["problems"][0].startswith("conf/reconciliation-hr.json:")
    assert "Did you mean Every 5 min?" in body["problems"][0]


async def test_stop_ends_it_within_a_page(tmp_path: Path, store: dict[str, str]) -> None:
    async with world(tmp_path, page_size=20, **store) as hr:
        hr.write(*(record(f"p{number:04}") for number in range(3000)))
        await hr.configure(configuration(situations=answers(resource="ADD_TO_IDM")))
        status, run = await hr.running.call("POST", "reconciliation/hr?_action=start")
        assert status == 200
        while not await hr.objects():
            await asyncio.sleep(0.01)
        status, stopping = await hr.running.call("POST", "reconciliation/hr?_action=stop")
        assert (status, stopping["status"]) == (200, "STOPPING")
        ended: Json = {}
        while not ended.get("ended"):
            await asyncio.sleep(0.05)
            _, ended = await hr.running.call("GET", f"reconciliation/history/{run['_id']}")
        assert ended["status"] == "STOPPED"
        assert 0 < len(await hr.objects()) < 3000
        async with hr.running.runtime.database.read() as tx:
            assert all(row.ended for row in await runs.list_all(tx))


async def test_its_mappings_can_be_explained_and_analysed(hr: World) -> None:
    hr.write(record("ann"), record("bob"))
    await hr.add(name="bob", city="Linz")
    await hr.configure(configuration(situations=answers(resource="ADD_TO_IDM", both="UPDATE_IDM_FROM_RES")))
    path = "recon?_action=explain&mapping=reconciliation_hr_toIdm&id="
    found = {
        id: (await hr.running.call("POST", f"{path}{id}"))[1]["explanations"][0] for id in ("ann", "bob")
    }
    assert {id: one["action"] for id, one in found.items()} == {"ann": "CREATE", "bob": "UPDATE"}
    assert "The target is looked for as the reconciliation says." in found["bob"]["sentences"]
    analysis = "recon?_action=recon&mapping=reconciliation_hr_toIdm&analyze=true&waitForCompletion=true"
    status, body = await hr.running.call("POST", analysis)
    assert (status, body["state"]) == (200, "SUCCESS")
    path = f"recon/assoc/{body['_id']}/entry?_queryFilter=true&_sortKeys=sourceObjectId&_fields=action,sourceObject"
    entries = (await hr.running.call("GET", path))[1]["result"]
    assert [(one["action"], one["sourceObject"]["_id"]) for one in entries] == [
        ("CREATE", "ann"),
        ("UPDATE", "bob"),
    ]
    assert (await hr.objects())["bob"]["city"] == "Linz"
