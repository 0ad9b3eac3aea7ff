"""Objects of a connected system: the CSV file of a project."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = """"description", "uid", "firstname", "email"
"Created", "bjensen", "Barbara", "b@example.com"
"x", "scarter", "Steven", ""
"""


def provisioner(file: str) -> dict[str, Any]:
    names = ("description", "uid", "firstname", "email")
    properties = {name: {"type": "string", "nativeName": name, "nativeType": "string"} for name in names}
    return {
        "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
        "configurationProperties": {"csvFile": file, "headerUid": "uid", "encoding": "utf-8"},
        "objectTypes": {"account": {"nativeType": "__ACCOUNT__", "properties": properties}},
    }


@pytest_asyncio.fixture(loop_scope="module")
async def people(server: Server) -> Server:
    file: Path = server.runtime.settings.project / "data" / "people.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text(ROWS)
    await server.put("config/provisioner.openicf/people", provisioner("&{project.location}/data/people.csv"))
    return server


async def test_objects_are_read_and_queried(people: Server) -> None:
    found = await people.get("system/people/account/bjensen")
    assert (found["_id"], found["firstname"]) == ("bjensen", "Barbara")
    rows = (await people.get("system/people/account?_queryFilter=true"))["result"]
    assert [row["_id"] for row in rows] == ["bjensen", "scarter"]
    some = await people.get(
        "system/people/account", params={"_queryFilter": 'firstname sw "S"', "_fields": "firstname"}
    )
    assert [row["firstname"] for row in some["result"]] == ["Steven"]
    ids = await people.get("system/people/account?_queryId=query-all-ids&_pageSize=1")
    assert ids["result"] == [{"_id": "bjensen"}]
    assert ids["pagedResultsCookie"] is not None


async def test_what_is_not_there(people: Server) -> None:
    for path in (
        "system/people/account/nobody",
        "system/nosuch/account/x",
        "system/people/nosuch/x",
        "system/people/nosuch?_queryFilter=true",
    ):
        assert (await people.call("GET", path)).status_code == 404, path
    assert (await people.call("GET", "system/people/account?_queryId=nosuch")).status_code == 400
    assert (await people.call("GET", "system/people/account")).status_code == 400
    assert (await people.call("POST", "system/people/account?_action=dance")).status_code == 400


async def test_connections_are_tested(people: Server) -> None:
    one = (await people.call("POST", "system/people?_action=test")).json()
    assert (one["name"], one["ok"], one["objectTypes"]) == ("people", True, ["account", "__ALL__"])
    assert one["config"] == "config/provisioner.openicf/people"
    await people.put("config/provisioner.openicf/broken", provisioner("&{project.location}/data/nosuch.csv"))
    every = (await people.call("POST", "system?_action=test")).json()
    states = {found["name"]: found["ok"] for found in every}
    assert states == {"people": True, "broken": False}
    assert next(found for found in every if not found["ok"])["error"]
    assert (await people.call("POST", "system/nosuch?_action=test")).status_code == 404
    assert (await people.call("POST", "system?_action=availableConnectors")).json()["connectorRef"]


async def test_a_password_is_checked(people: Server) -> None:
    file = people.runtime.settings.project / "data" / "secrets.csv"
    file.write_text("uid,login,secret\nbjensen,barbara,Passw0rd\nscarter,steven,\n")
    config = provisioner("&{project.location}/data/secrets.csv")
    config["configurationProperties"] |= {"headerName": "login", "headerPassword": "secret"}
    config["objectTypes"] = {"account": {"properties": {"uid": {"type": "string"}}}}
    await people.put("config/provisioner.openicf/secrets", config)

    tried = partial(people.authenticate, "system/secrets/account")
    assert await tried("barbara", "Passw0rd") == (200, "bjensen")
    for wrong in (("barbara", "passw0rd"), ("nobody", "Passw0rd"), ("steven", ""), ("bjensen", "Passw0rd")):
        assert await tried(*wrong) == (401, None)
    assert await tried("barbara", 1) == (400, None)
    assert await tried(None, "x") == (400, None)
    by_parameter = await people.call(
        "POST", "system/secrets/account?_action=authenticate&username=barbara&password=Passw0rd"
    )
    assert by_parameter.json() == {"_id": "bjensen"}
    lacking = {"username": "x", "password": "y"}
    answer = await people.call("POST", "system/people/account?_action=authenticate", lacking)
    assert answer.status_code == 409
    assert "'password'" in answer.json()["message"]


@pytest.mark.parametrize(
    "path", ["system/people?", "system/people/account?", "system/people/account/bjensen?"]
)
async def test_connectors_run_no_scripts(people: Server, path: str) -> None:
    answer = await people.call("POST", f"{path}_action=script&_scriptId=x", {})
    assert answer.status_code == 400
    assert "runs no scripts" in answer.json()["message"]
    assert (await people.call("POST", "system/nosuch?_action=script&scriptId=x")).status_code == 404


async def test_a_system_that_vanished_is_a_conflict_not_a_failure(people: Server) -> None:
    await people.put("config/provisioner.openicf/broken", provisioner("&{project.location}/data/nosuch.csv"))
    answer = await people.call("GET", "system/broken/account?_queryFilter=true")
    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]


async def test_objects_are_written_where_the_system_can(people: Server) -> None:
    made = await people.call("PUT", "system/people/account/new", {"uid": "new", "firstname": "Nora"})
    if made.status_code == 501:
        pytest.skip("this connector only reads")
    assert made.status_code == 201
    assert (
        await people.call("PUT", "system/people/account/new", {"uid": "new"}, headers={"If-None-Match": "*"})
    ).status_code == 412
    change = [{"operation": "replace", "field": "/firstname", "value": "Nina"}]
    assert (await people.call("PATCH", "system/people/account/new", change)).json()["firstname"] == "Nina"
    replaced = await people.call("PUT", "system/people/account/new", {"uid": "new", "email": "n@example.com"})
    assert "firstname" not in replaced.json()
    assert (await people.call("DELETE", "system/people/account/new")).status_code == 200
    assert (await people.call("GET", "system/people/account/new")).status_code == 404


async def test_objects_of_a_system_are_not_patched_by_a_query(people: Server) -> None:
    change = [{"operation": "replace", "field": "/firstname", "value": "B"}]
    answer = await people.call("POST", "system/people/account?_action=patch&_queryFilter=true", change)
    assert answer.status_code == 400
