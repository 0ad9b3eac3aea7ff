"""Scripts of a configuration, in JavaScript and in Python."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
JS = "text/javascript"
ADD = "SYS_EXISTS__IDM_NOT_EXISTS"
BOTH = "IDM_EXISTS__SYS_EXISTS"


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        (made.project / "script" / "recon").mkdir(parents=True)
        made.write(
            {"uid": "1", "login": "ann", "mail": "ann@example.com", "city": "Graz"},
            {"uid": "2", "login": "bob", "mail": "bob@example.com", "city": "Wien"},
        )
        yield made


def script(hr: World, name: str, text: str) -> str:
    """A file of the project's script folder; answers its path as a configuration names it."""
    (hr.project / "script" / "recon" / name).write_text(text)
    return f"recon/{name}"


POPULATE = {
    "populate.js": "user.employeeId = 'E' + record._id; user.city = user.city.toUpperCase();",
    "populate.py": """
def execute(record, user):
    user["employeeId"] = "E" + record["_id"]
    user["city"] = user["city"].upper()
    return 0
""",
}


@pytest.mark.parametrize("name", POPULATE)
async def test_a_population_script_makes_the_object_of_the_record(hr: World, name: str) -> None:
    path = script(hr, name, POPULATE[name])
    both = {"response": "UPDATE_IDM_FROM_RES", "script": path}
    await hr.configure(
        configuration(situations={ADD: {"response": "ADD_TO_IDM", "script": path}, BOTH: both})
    )
    run = await hr.run()
    assert run["message"] == "Add Record to IDM from Resource: 2.", run
    found = await hr.objects()
    assert (found["ann"]["employeeId"], found["ann"]["city"]) == ("E1", "GRAZ")
    assert (await hr.run())["message"] == "Nothing to do."


async def test_a_population_script_that_refuses_fails_that_record_alone(hr: World) -> None:
    path = script(
        hr, "pick.py", "def execute(record, user):\n    return 0 if record['login'] == 'ann' else 7\n"
    )
    await hr.configure(configuration(situations={ADD: {"response": "ADD_TO_IDM", "script": path}}))
    run = await hr.run()
    told = {row["principal"]: (row["status"], row["message"]) for row in await hr.results(run)}
    assert told["ann"][0] == "SUCCESS"
    assert told["bob"] == ("FAILURE", "The population script answered 7; 0 means that all is well")


async def test_a_script_that_throws_fails_that_record_alone(hr: World) -> None:
    path = script(hr, "throw.js", "if (record.login === 'bob') { throw {message: 'no such city'} }")
    await hr.configure(configuration(situations={ADD: {"response": "ADD_TO_IDM", "script": path}}))
    run = await hr.run()
    told = {row["principal"]: (row["status"], row["message"]) for row in await hr.results(run)}
    assert told["ann"][0] == "SUCCESS"
    assert told["bob"][0] == "FAILURE"
    assert "no such city" in told["bob"][1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("merge.js", "user.city = record.city;"),
        ("merge.py", "def execute(record, user):\n    return {**user, 'city': record['city']}\n"),
    ],
)
async def test_what_the_script_does_not_merge_goes_to_the_resource(hr: World, name: str, text: str) -> None:
    await hr.add(name="ann", mail="new@example.com", city="Linz")
    situations = {BOTH: {"response": "UPDATE_RES_FROM_IDM", "script": script(hr, name, text)}}
    await hr.configure(configuration(situations=situations))
    await hr.run()
    assert hr.records()["ann"] == {"uid": "1", "login": "ann", "mail": "new@example.com", "city": "Graz"}
    assert (await hr.objects())["ann"]["city"] == "Linz"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "match.js",
            "var r = openidm.query('managed/user', {_queryFilter: 'mail eq \"' + record.mail + '\"'});"
            "r.result.length ? r.result[0]._id : null",
        ),
        (
            "match.py",
            "def execute(record, openidm):\n"
            "    found = openidm.query('managed/user', {'_queryFilter': f'mail eq \"{record[\"mail\"]}\"'})\n"
            "    return found['result'][0]['_id'] if found['result'] else None\n",
        ),
    ],
)
async def test_a_rule_of_ones_own_matches(hr: World, name: str, text: str) -> None:
    await hr.add(name="Ann B.", mail="ann@example.com", city="Graz")
    document = configuration(
        customRuleForMatching=script(hr, name, text),
        situations={BOTH: {"response": "UPDATE_IDM_FROM_RES"}, ADD: {"response": "ADD_TO_IDM"}},
    )
    del document["idmRepositoryField"], document["sourceAttributeName"]
    await hr.configure(document)
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    assert sorted(await hr.objects()) == ["ann", "bob"]
    assert {row["status"] for row in await hr.results(run)} == {"SUCCESS"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("search.js", "'city eq \"' + searchFilter + '\"'"),
        ("search.py", "def execute(searchFilter, updatedSince):\n    return {'city': searchFilter}\n"),
    ],
)
async def test_search_scripts_pick_who_takes_part(hr: World, name: str, text: str) -> None:
    await hr.configure(
        configuration(
            targetSystemSearchQueryScript=script(hr, name, text),
            targetSystemSearchQueryFilter="Graz",
            situations={ADD: {"response": "ADD_TO_IDM"}},
        )
    )
    await hr.run()
    assert list(await hr.objects()) == ["ann"]


async def test_a_search_script_that_answers_nothing_ends_the_run(hr: World) -> None:
    await hr.configure(configuration(idmSearchQueryScript=script(hr, "none.js", "null")))
    run = await hr.run()
    assert (run["status"], run["message"]) == (
        "FAILED",
        "idmSearchQueryScript answered nothing; it answers a search string",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "command.js",
            "openidm.create('managed/group', null, {name: situation + ' ' + principal + ' ' + attributes.city});"
            "'noted'",
        ),
        (
            "command.py",
            "def execute(situation, principal, user, attributes, openidm):\n"
            "    name = f'{situation} {principal} {attributes[\"city\"]}'\n"
            "    openidm.create('managed/group', None, {'name': name})\n"
            "    return 'noted'\n",
        ),
    ],
)
async def test_a_custom_command_takes_the_place_of_the_response(hr: World, name: str, text: str) -> None:
    path = script(hr, name, text)
    await hr.configure(configuration(situations={ADD: {"response": "ADD_TO_IDM", "customCommand": path}}))
    run = await hr.run()
    assert await hr.objects() == {}
    _, groups = await hr.running.call("GET", "managed/group?_queryFilter=true")
    assert sorted(row["name"] for row in groups["result"]) == [f"{ADD} ann Graz", f"{ADD} bob Wien"]
    assert {(row["status"], row["message"]) for row in await hr.results(run)} == {("SUCCESS", "noted")}


async def test_processors_run_before_and_after_also_when_the_run_fails(hr: World) -> None:
    note = "openidm.create('managed/role', null, {name: '%s ' + RECONCILIATION_CONFIG.type});"
    after = note % "after" + "openidm.create('managed/role', null, {name: status});"
    document = configuration(
        preProcessorScript={"type": JS, "source": note % "before"},
        postProcessorScript={"type": JS, "source": after},
    )
    await hr.configure(document)
    await hr.run()
    _, roles = await hr.running.call("GET", "managed/role?_queryFilter=true")
    assert [row["name"] for row in roles["result"]] == ["before User", "after User", "FINISHED"]
    await hr.configure({**document, "targetSystemSearchQueryFilter": "what = what"})
    assert (await hr.run())["status"] == "FAILED"


async def test_a_processor_of_ones_own_takes_the_place_of_everything(hr: World) -> None:
    text = (
        "({results: [{situation: 'IDM_EXISTS__SYS_EXISTS', response: 'NOTHING', principal: "
        "reconciliation.managedSystem, status: 'NOTHING'}]})"
    )
    await hr.configure(
        configuration(useCustomReconciliationLogic=True, customProcessorScript={"type": JS, "source": text})
    )
    run = await hr.run()
    assert run["status"] == "FINISHED", run
    assert [row["principal"] for row in await hr.results(run)] == ["system/hr/account"]


async def test_a_script_that_is_not_there_is_told_at_once(hr: World) -> None:
    document = configuration(situations={ADD: {"response": "ADD_TO_IDM", "script": "recon/gone.js"}})
    status, body = await hr.running.call("PUT", "config/reconciliation/hr", document)
    assert status == 400
    assert "recon/gone.js" in body["message"]


async def test_transforms_of_the_policy_map(hr: World) -> None:
    document = configuration(
        situations={ADD: {"response": "ADD_TO_IDM"}, BOTH: {"response": "UPDATE_RES_FROM_IDM"}}
    )
    document["policyMap"][3] |= {
        "toIdm": {"type": JS, "source": "source.toUpperCase()"},
        "toResource": {"type": JS, "source": "source.charAt(0) + source.substring(1).toLowerCase()"},
    }
    await hr.configure(document)
    await hr.run()
    assert (await hr.objects())["ann"]["city"] == "GRAZ"
    assert (await hr.run())["message"] == "Nothing to do."
