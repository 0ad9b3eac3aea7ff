"""Queries by name (`_queryId`): the few that clients know, and a plain refusal of every other, in every collection."""

from typing import Any

import pytest

from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLLECTIONS = (
    "managed/user",
    "internal/user",
    "internal/role",
    "repo/internal/user",
    "repo/link",
    "config",
    "scheduler/job",
    "scheduler/trigger",
    "audit/recon",
    "recon/assoc",
    "sync/mappings",
    "taskscanner",
    "schema",
    "reconciliation",
    "reconciliation/history",
    "workflow/taskinstance",
)


async def found(server: Server, path: str) -> list[Any]:
    rows: list[Any] = (await server.get(path))["result"]
    return rows


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_an_unknown_name_is_refused(server: Server, path: str) -> None:
    answer = await server.call("GET", f"{path}?_queryId=nosuch")
    assert (answer.status_code, "nosuch" in answer.json()["message"]) == (400, True), answer.text


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_an_expression_of_the_database_is_refused(server: Server, path: str) -> None:
    assert (await server.call("GET", f"{path}?_queryExpression=select%201")).status_code == 403


@pytest.mark.parametrize("path", [path for path in COLLECTIONS if not path.startswith("workflow")])
async def test_ids_alone_are_told_by_the_query_of_that_name(server: Server, path: str) -> None:
    rows = await found(server, f"{path}?_queryId=query-all-ids")
    assert all(set(row) <= {"_id", "_rev"} for row in rows)
    assert [row["_id"] for row in rows] == [
        row["_id"] for row in await found(server, f"{path}?_queryFilter=true")
    ]


@pytest.mark.parametrize("path", ["internal/user", "repo/internal/user"])
async def test_an_account_of_the_server_is_found_by_its_name_without_its_password(
    server: Server, path: str
) -> None:
    (row,) = await found(server, f"{path}?_queryId=credential-internaluser-query&username=openidm-admin")
    assert (row["_id"], row["userName"], "password" in row) == ("openidm-admin", "openidm-admin", False)
    assert await found(server, f"{path}?_queryId=credential-internaluser-query&username=nobody") == []
    assert (await server.call("GET", f"{path}?_queryId=credential-internaluser-query")).status_code == 400


async def test_people_are_found_by_a_value(server: Server) -> None:
    for id in ("s1", "s2"):
        await server.put(f"managed/user/{id}", user(userName=id, mail=f"{id}@example.com"))
    query = "managed/user?_queryId=get-by-field-value&field=mail"
    assert [row["_id"] for row in await found(server, f"{query}&value=s2@example.com")] == ["s2"]
    assert (await server.call("GET", query)).status_code == 400
