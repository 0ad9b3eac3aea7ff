"""The calls of the documents about reconciliation, command line by command line, unchanged.

A bearer token stands where the documents have a placeholder for one. Runs have the ids that the documents name.
"""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from conf.terms import Situation
from tests.embedded import Embedded, embedded
from tests.rest.documented import Json, answered, ended, project, started, token_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
CANCELLED = "0890ad62-4738-4a3f-8b8e-f3c83bbf212e"
STORED = "da88b9a5-1fe5-4f8d-a6a8-7e0a2b4e136b-9230"
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+")

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Embedded]:
    base = tmp_path_factory.mktemp("documented")
    async with embedded(project(base / "project"), base / "data", **module_store) as opened:
        opened.runtime.extras["token"] = token_of(opened)
        yield opened


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
