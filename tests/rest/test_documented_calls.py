"""The calls of the documents about reconciliation, command line by command line, unchanged; and the sample's.

A bearer token stands where the documents have a placeholder for one. Runs have the ids that the documents name.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
import pytest
import pytest_asyncio

import conf
from api import installation_key
from conf.project import DEFAULTS
from conf.terms import Situation
from flows.approval_loop import drain_intents
from flows.call import Caller
from flows.launch import Launch, launch
from flows.workflow_project import definitions_of
from tests.embedded import Embedded, embedded
from tests.rest.curl import curl

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

FIRST = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
CANCELLED = "0890ad62-4738-4a3f-8b8e-f3c83bbf212e"
STORED = "da88b9a5-1fe5-4f8d-a6a8-7e0a2b4e136b-9230"
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+")
ADMIN = Caller("openidm-admin", roles=frozenset({"openidm-admin", "openidm-authorized"}))
SECONDS = 30

FIGURES = {"min", "max", "mean", "count", "sum", "stdDev"}
STATUS = {
    "_id", "mapping", "state", "stage", "stageDescription", "progress", "situationSummary", "statusSummary",
    "durationSummary", "parameters", "started", "ended", "duration", "sourceProcessedByNode",
}  # fmt: skip
SUMMARY = {
    "_id", "_rev", "mapping", "sourceResourceCollection", "targetResourceCollection", "isAnalysis", "finishTime",
}  # fmt: skip
ENTRY = {
    "_id", "_rev", "mapping", "reconId", "situation", "action", "linkQualifier", "sourceObjectId", "targetObjectId",
    "sourceResourceCollection", "targetResourceCollection", "status", "exception", "message", "messageDetail",
    "ambiguousTargetObjectIds",
}  # fmt: skip
ENVELOPE = {
    "result", "resultCount", "pagedResultsCookie", "totalPagedResultsPolicy", "totalPagedResults",
    "remainingPagedResults",
}  # fmt: skip


def provisioner(file: str) -> Json:
    properties = {name: {"type": "string", "nativeName": name} for name in ("uid", "mail")}
    return {
        "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
        "configurationProperties": {"csvFile": f"&{{project.location}}/data/{file}", "headerUid": "uid"},
        "objectTypes": {"account": {"nativeType": "__ACCOUNT__", "properties": properties}},
    }


def mapping(name: str, source: str, target: str, **more: Any) -> Json:
    properties = [{"source": "mail", "target": "mail"}]
    return {"name": name, "source": source, "target": target, "properties": properties, **more}


def project(folder: Path) -> Path:
    """Two systems of two people each, and a managed type of a realm, under the documents' names."""
    (folder / "conf").mkdir(parents=True)
    (folder / "data").mkdir()
    managed = orjson.loads((DEFAULTS / "managed.json").read_bytes())
    managed["objects"].append({"name": "realm-name_user"})
    systems = {name: provisioner(f"{name}.csv") for name in ("ldap", "hrdb")}
    mappings = [
        mapping(
            "systemLdapAccounts_managedUser",
            "system/ldap/account",
            "managed/realm-name_user",
            reconAssociation={"maxAnalysisRunsPerMapping": 1, "maxNonAnalysisRunsPerMapping": 3},
        ),
        mapping(
            "managedUser_systemLdapAccounts",
            "managed/realm-name_user",
            "system/ldap/account",
            links="systemLdapAccounts_managedUser",
        ),
        mapping("systemHrdb_managedUser", "system/hrdb/account", "managed/realm-name_user"),
    ]
    files: dict[str, Json] = {"managed": managed, "sync": {"mappings": mappings}}
    files |= {f"provisioner.openicf-{name}": content for name, content in systems.items()}
    for name, content in files.items():
        (folder / "conf" / f"{name}.json").write_bytes(orjson.dumps(content))
    for name in systems:
        rows = "".join(f"{name}{n},{name}{n}@example.com\n" for n in range(2))
        (folder / "data" / f"{name}.csv").write_text("uid,mail\n" + rows)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Embedded]:
    base = tmp_path_factory.mktemp("documented")
    async with embedded(project(base / "project"), base / "data", **module_store) as opened:
        opened.runtime.extras["token"] = token_of(opened)
        yield opened


def token_of(product: Embedded) -> str:
    key = installation_key.create(product.runtime.settings.data)
    return key.sign("openidm-admin", ADMIN.roles, 600, product.runtime.clock() // 1000)


async def answered(product: Embedded, line: str, status: int = 200) -> Any:
    token = product.runtime.extras["token"]
    answer = await curl(line).send(product.client, **{"token": token, "access-token": token})
    assert answer.status_code == status, answer.text
    return answer.json()


async def started(product: Embedded, id: str, mapping: str, *, associations: bool = False) -> None:
    """A run under the id that a document names."""
    call = product.runtime.call(ADMIN, transaction_id=id)
    await launch(call, Launch(mapping, persist_associations=associations))


async def ended(product: Embedded, id: str) -> Json:
    async with asyncio.timeout(SECONDS):
        while True:
            status, run = await product.call("GET", f"recon/{id}")
            assert status == 200, run
            if run["state"] != "ACTIVE":
                return dict(run)
            await asyncio.sleep(0.01)


def check_status(run: Json) -> None:
    """The members of a status document and the types of their values."""
    assert set(run) == STATUS
    assert set(run["situationSummary"]) == set(map(str, Situation))
    assert set(run["statusSummary"]) == {"SUCCESS", "FAILURE"}
    progress = run["progress"]
    assert set(progress) == {"source", "target", "links"}
    assert set(progress["source"]) == {"existing"}
    assert set(progress["target"]) == {"existing", "created", "unchanged", "updated", "deleted"}
    assert set(progress["links"]) == {"existing", "created"}
    for side in progress.values():
        assert isinstance(side["existing"]["processed"], int)
        assert re.fullmatch(r"\d+|\?", side["existing"]["total"])
    assert {"sourceQuery", "targetQuery", "sourcePhase", "auditLog"} <= set(run["durationSummary"])
    for figures in run["durationSummary"].values():
        assert set(figures) == FIGURES
        assert all(isinstance(figure, int) for figure in figures.values())
    for query in run["parameters"].values():
        assert query | {"resourceName": ""} == {"resourceName": "", "queryFilter": "true", "_fields": "_id"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run["started"])
    assert isinstance(run["duration"], int)
    assert run["sourceProcessedByNode"] == {}


async def test_cloud_endpoints_launch_by_bearer_token(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer <access-token>" \\
--header "Accept-API-Version: resource=1.0" \\
--request POST \\
"https://<tenant-env-fqdn>/openidm/recon?_action=recon&mapping=systemHrdb_managedUser"
""",
    )
    assert set(answer) == {"_id", "state"}
    assert answer["state"] == "ACTIVE"
    assert RUN_ID.fullmatch(answer["_id"])
    assert (await ended(product, answer["_id"]))["state"] == "SUCCESS"


async def test_server_endpoints_launch_by_headers(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "X-OpenIDM-Username: openidm-admin" \\
--header "X-OpenIDM-Password: openidm-admin" \\
--header "Accept-API-Version: resource=1.0" \\
--request POST \\
"http://localhost:8080/openidm/recon?_action=recon&mapping=systemHrdb_managedUser"
""",
    )
    assert set(answer) == {"_id", "state"}
    assert RUN_ID.fullmatch(answer["_id"])
    assert (await ended(product, answer["_id"]))["state"] == "SUCCESS"


async def test_a_run_is_launched_and_its_id_answered_at_once(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request POST \\
"https://tenant-name.forgeblocks.com/openidm/recon?_action=recon&mapping=systemLdapAccounts_managedUser"
""",
    )
    assert (set(answer), answer["state"]) == ({"_id", "state"}, "ACTIVE")
    await ended(product, answer["_id"])


async def test_a_caller_may_wait_for_the_end(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request POST \\
"https://tenant-name.forgeblocks.com/openidm/recon?_action=recon&mapping=systemLdapAccounts_managedUser&waitForCompletion=true"
""",
    )
    assert (set(answer), answer["state"]) == ({"_id", "state"}, "SUCCESS")


async def test_a_run_is_cancelled(product: Embedded) -> None:
    await started(product, CANCELLED, "systemLdapAccounts_managedUser")
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request POST \\
"https://tenant-name.forgeblocks.com/openidm/recon/0890ad62-4738-4a3f-8b8e-f3c83bbf212e?_action=cancel"
""",
    )
    assert answer == {"status": "INITIATED", "action": "cancel", "_id": CANCELLED}
    run = await ended(product, CANCELLED)
    assert (run["state"], run["stage"]) in {
        ("CANCELED", "COMPLETED_CANCELED"),
        ("SUCCESS", "COMPLETED_SUCCESS"),
    }


async def test_runs_are_listed_oldest_first(product: Embedded) -> None:
    await started(product, FIRST, "systemLdapAccounts_managedUser")
    await ended(product, FIRST)
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"https://tenant-name.forgeblocks.com/openidm/recon"
""",
    )
    runs = answer["reconciliations"]
    assert set(answer) - {"_id"} == {"reconciliations"}
    assert runs[-1]["_id"] == FIRST
    check_status(runs[-1])
    assert [run["started"] for run in runs] == sorted(run["started"] for run in runs)


async def test_one_run_is_read_whole(product: Embedded) -> None:
    run = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"https://tenant-name.forgeblocks.com/openidm/recon/05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
""",
    )
    check_status(run)
    assert (run["_id"], run["mapping"]) == (FIRST, "systemLdapAccounts_managedUser")
    assert (run["state"], run["stage"]) == ("SUCCESS", "COMPLETED_SUCCESS")
    assert run["stageDescription"] == "reconciliation completed."
    assert run["progress"]["source"] == {"existing": {"processed": 2, "total": "2"}}
    assert run["statusSummary"]["FAILURE"] == 0
    assert run["parameters"]["sourceQuery"]["resourceName"] == "system/ldap/account"
    assert run["parameters"]["targetQuery"]["resourceName"] == "managed/realm-name_user"
    assert run["ended"] > run["started"] or run["duration"] == 0


async def test_stored_associations_are_listed(product: Embedded) -> None:
    await started(product, STORED, "managedUser_systemLdapAccounts", associations=True)
    await ended(product, STORED)
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"https://tenant-name.forgeblocks.com/openidm/recon/assoc?_queryFilter=true"
""",
    )
    assert set(answer) == ENVELOPE
    assert [row["_id"] for row in answer["result"]] == [STORED]
    row = answer["result"][0]
    assert set(row) == SUMMARY
    assert row["isAnalysis"] == "false"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["finishTime"])
    assert answer | {"result": []} == {
        "result": [],
        "resultCount": 1,
        "pagedResultsCookie": None,
        "totalPagedResultsPolicy": "NONE",
        "totalPagedResults": -1,
        "remainingPagedResults": -1,
    }


async def test_one_association_is_read(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"https://tenant-name.forgeblocks.com/openidm/recon/assoc/da88b9a5-1fe5-4f8d-a6a8-7e0a2b4e136b-9230"
""",
    )
    assert set(answer) == SUMMARY
    assert (answer["_id"], answer["_rev"]) == (STORED, "1")
    assert answer["mapping"] == "managedUser_systemLdapAccounts"
    assert answer["sourceResourceCollection"] == "managed/realm-name_user"
    assert answer["targetResourceCollection"] == "system/ldap/account"


async def test_the_entries_of_a_run_are_read(product: Embedded) -> None:
    answer = await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"https://tenant-name.forgeblocks.com/openidm/recon/assoc/da88b9a5-1fe5-4f8d-a6a8-7e0a2b4e136b-9230/entry?_queryFilter=true"
""",
    )
    assert set(answer) == ENVELOPE
    assert answer["resultCount"] == len(answer["result"]) > 0
    confirmed = [entry for entry in answer["result"] if entry["situation"] == "CONFIRMED"]
    assert len(confirmed) == 2
    for entry in confirmed:
        assert set(entry) - {"phase"} == ENTRY
        assert (entry["mapping"], entry["reconId"]) == ("managedUser_systemLdapAccounts", STORED)
        assert (entry["action"], entry["linkQualifier"], entry["status"]) == ("UPDATE", "default", "SUCCESS")
        assert "/" not in entry["sourceObjectId"] + entry["targetObjectId"]
        assert (entry["exception"], entry["message"], entry["messageDetail"]) == (None, None, "null")
        assert entry["ambiguousTargetObjectIds"] is None
        assert entry["_rev"] == "0"


async def test_a_run_is_purged_with_its_associations(product: Embedded) -> None:
    await answered(
        product,
        """
curl \\
--header "Authorization: Bearer *token*" \\
--header "Accept-API-Version: resource=1.0" \\
--request DELETE \\
"https://tenant-name.forgeblocks.com/openidm/recon/da88b9a5-1fe5-4f8d-a6a8-7e0a2b4e136b-9230"
""",
    )
    for gone in ("recon/assoc/{}", "recon/assoc/{}/entry?_queryFilter=true"):
        assert (await product.call("GET", gone.format(STORED)))[0] == 404
    listed = (await product.call("GET", "recon"))[1]["reconciliations"]
    assert STORED not in [run["_id"] for run in listed]


@asynccontextmanager
async def sample(folder: Path) -> AsyncIterator[Embedded]:
    """The asynchronous sample, with somebody who carries decisions out."""
    shutil.copytree(Path(conf.__file__).parent / "samples" / "sync-asynchronous", folder / "project")
    async with embedded(folder / "project", folder / "data") as product:
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


async def test_the_asynchronous_sample_is_walked_by_curl(tmp_path: Path) -> None:
    async with sample(tmp_path) as product:
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
