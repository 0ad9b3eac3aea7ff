"""The walk of the documents through the asynchronous sample, command line by command line."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

import conf
from flows.approval_loop import drain_intents
from flows.workflow_project import definitions_of
from tests.embedded import Embedded, embedded
from tests.rest.curl import curl
from tests.rest.documented import Json, ended

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def sample(folder: Path, store: dict[str, str]) -> AsyncIterator[Embedded]:
    """The asynchronous sample, with somebody who carries decisions out."""
    shutil.copytree(Path(conf.__file__).parent / "samples" / "sync-asynchronous", folder / "project")
    async with embedded(folder / "project", folder / "data", **store) as product:
        await definitions_of(product.runtime)
        told, woken = product.runtime.wake, asyncio.Event()

        def wake(what: str) -> None:
            told(what)
            woken.set()

        async def decide() -> None:
            while True:
                await woken.wait()
                woken.clear()
                while await drain_intents(product.runtime, None, "worker/decisions"):
                    pass

        product.runtime.wake = wake
        worker = asyncio.create_task(decide())
        try:
            yield product
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


AS_ADMIN = """curl --header "X-OpenIDM-Username: openidm-admin" --header "X-OpenIDM-Password: openidm-admin" \\
--header "Accept-API-Version: resource=1.0" """
AS_APPROVER = """curl --header "X-OpenIDM-Username: async.admin" --header "X-OpenIDM-Password: Passw0rd" \\
--header "Accept-API-Version: resource=1.0" --header "Content-Type: application/json" """


async def said(client: httpx2.AsyncClient, line: str, status: int = 200) -> Any:
    answer = await curl(line).send(client)
    assert answer.status_code == status, answer.text
    return answer.json()


USERS = AS_ADMIN + "--request GET 'http://localhost:8080/openidm/managed/user?_queryFilter=true&_fields=_id'"
TASKS = (
    AS_ADMIN
    + """--request GET \\
"http://localhost:8080/openidm/workflow/taskinstance?_queryFilter=true&_fields=_id,processDefinitionId" """
)
APPROVER = (
    AS_ADMIN
    + """--header "Content-Type: application/json" --request POST --data '{
        "userName": "async.admin", "givenName": "async", "sn" : "admin", "password" : "Passw0rd",
        "displayName" : "async admin", "mail" : "async.admin@example.com",
        "authzRoles": [ { "_ref": "internal/role/openidm-admin" }, { "_ref": "internal/role/openidm-authorized" } ],
        "_id" : "asyncadmin" }' "http://localhost:8080/openidm/managed/user?_action=create" """
)
RECON = (
    AS_ADMIN
    + """--request POST \\
"http://localhost:8080/openidm/recon?_action=recon&mapping=systemCsvfileAccounts_managedUser" """
)


def complete(task: str, data: str = '{"requestApproved": "true"}', caller: str = AS_APPROVER) -> str:
    address = f"http://localhost:8080/openidm/workflow/taskinstance/{task}?_action=complete"
    return f"{caller} --request POST --data '{data}' \"{address}\""


async def reconciled(product: Embedded) -> tuple[Json, dict[str, int]]:
    """A run of the sample, to its end; its document, and the situations that were met."""
    run = await said(product.client, RECON)
    assert (set(run), run["state"]) == ({"_id", "state"}, "ACTIVE")
    status = await ended(product, run["_id"])
    assert (status["state"], status["statusSummary"]["FAILURE"]) == ("SUCCESS", 0)
    return status, {name: count for name, count in status["situationSummary"].items() if count}


async def rows(product: Embedded, path: str, filter: str) -> list[Json]:
    status, found = await product.call("GET", f"{path}?{urlencode({'_queryFilter': filter})}")
    assert status == 200, found
    return list(found["result"])


async def test_the_asynchronous_sample_is_walked_by_curl(tmp_path: Path, store: dict[str, str]) -> None:
    async with sample(tmp_path, store) as product:
        client = product.client
        nobody = USERS.replace("openidm-admin", "wrong")
        assert (await said(client, nobody, 401))["code"] == 401
        made = await said(client, APPROVER, 201)
        assert re.fullmatch(r"[0-9a-f]{16}", made.pop("_rev"))
        assert made == {
            "_id": "asyncadmin",
            "userName": "async.admin",
            "givenName": "async",
            "sn": "admin",
            "displayName": "async admin",
            "mail": "async.admin@example.com",
            "accountStatus": "active",
            "effectiveRoles": [],
            "effectiveAssignments": [],
        }

        first, situations = await reconciled(product)
        assert situations == {"ABSENT": 2, "UNASSIGNED": 1}
        assert first["progress"]["source"]["existing"] == {"processed": 2, "total": "2"}
        assert first["progress"]["target"]["created"] == first["progress"]["links"]["created"] == 0
        tasks = (await said(client, TASKS))["result"]
        assert len(tasks) == 2
        for task in tasks:
            assert set(task) == {"_id", "processDefinitionId"}
            assert re.fullmatch(r"managedUserApproval:\d+:\d+", task["processDefinitionId"])
        again, situations = await reconciled(product)
        assert (situations["ABSENT"], again["progress"]["target"]["created"]) == (2, 0)
        assert (await said(client, TASKS))["result"] == tasks

        one, two = (task["_id"] for task in tasks)
        json_only = 'curl --header "Content-Type: application/json"'
        assert (await said(client, complete(one, caller=json_only), 401))["code"] == 401
        assert await said(client, complete(one)) == {"Task action performed": "complete"}
        assert len((await said(client, USERS))["result"]) == 2
        assert (await said(client, complete(one), 404))["code"] == 404
        intruding = '{"requestApproved": "true", "userName": "intruder"}'
        for wrong in (intruding, "not json"):
            assert (await said(client, complete(two, wrong), 400))["code"] == 400
        assert await said(client, complete(two)) == {"Task action performed": "complete"}

        users = (await said(client, USERS))["result"]
        assert sorted(user["_id"] for user in users) == ["asyncadmin", "bjensen", "scarter"]
        assert all(set(user) == {"_id", "_rev"} for user in users)
        assert (await said(client, TASKS))["result"] == []
        await check_outcome(product, first["_id"])


async def check_outcome(product: Embedded, run: str) -> None:
    """What the approvals left behind, and that the next run has nothing to do."""
    (person,) = await rows(product, "managed/user", '_id eq "bjensen"')
    assert (person["givenName"], person["sn"], person["mail"]) == ("Barbara", "Jensen", "bjensen@example.com")
    assert "password" not in person
    entries = await rows(product, "audit/recon", f'/reconId eq "{run}" and /entryType eq "entry"')
    told = sorted(entry["action"] for entry in entries if entry["situation"] == "ABSENT")
    assert told == ["ASYNC", "ASYNC", "CREATE", "CREATE"]
    links = await rows(product, "repo/link", '/linkType eq "systemCsvfileAccounts_managedUser"')
    assert sorted(link["secondId"] for link in links) == ["bjensen", "scarter"]
    last, situations = await reconciled(product)
    assert situations == {"CONFIRMED": 2, "UNASSIGNED": 1}
    assert last["progress"]["target"]["created"] == 0
    assert last["progress"]["links"]["existing"] == {"processed": 2, "total": "2"}
    assert (await said(product.client, TASKS))["result"] == []
