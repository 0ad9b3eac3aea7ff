"""Runs and what became of each object in them, over REST."""

from typing import Any

from tests.reports.runs import RESULTS, add_run
from tests.rest.conftest import Server


async def names(server: Server, path: str, **parameters: str) -> list[Any]:
    found = await server.get(path, params={"_queryFilter": "true", **parameters})
    return [row.get("principal", row["_id"]) for row in found["result"]]


async def test_runs_are_listed_latest_first(server: Server) -> None:
    database = server.runtime.database
    for number in range(3):
        await add_run(database, f"r{number}", results=RESULTS[: number + 1])
    await add_run(database, "g", "groups", results=(), status="FAILED")
    history = "reconciliation/history"
    assert await names(server, history) == ["r2", "r1", "r0", "g"]
    assert await names(server, history, _queryFilter='name eq "groups"') == ["g"]
    assert await names(server, history, _queryFilter="counts/IDM_EXISTS__SYS_EXISTS pr", _sortKeys="_id") == [
        "r0",
        "r1",
        "r2",
    ]
    page = await server.get(
        history, params={"_queryFilter": "true", "_pageSize": "3", "_totalPagedResultsPolicy": "EXACT"}
    )
    assert (page["resultCount"], page["totalPagedResults"]) == (3, 4)
    cookie = page["pagedResultsCookie"]
    assert await names(server, history, _pageSize="3", _pagedResultsCookie=cookie) == ["g"]
    assert page["result"][0]["result"] == "1 done, 1 failed, 1 waiting of 3"


async def test_a_run_tells_its_figures(server: Server) -> None:
    await add_run(server.runtime.database, idm_changed_since=0)
    found = await server.get("reconciliation/history/night-1")
    assert (found["name"], found["objects"], found["started"]) == ("hr", 7, "2026-01-02T00:00:00.000Z")
    assert found["categories"]["BROKEN_CSV"] == 1
    assert found["statusSummary"] == {"SUCCESS": 3, "FAILURE": 2, "PENDING": 1, "NOTHING": 1}
    assert found["idmChangedSince"] == "1970-01-01T00:00:00.000Z"


async def test_objects_are_found_by_case_and_by_value(server: Server) -> None:
    await add_run(server.runtime.database)
    objects = "reconciliation/history/night-1/object"
    different = await names(server, objects, _queryFilter='case eq "MATCH_FOUND_DIFFERENT"')
    assert different == ["bjensen", "scarter"]
    assert await names(server, objects, _queryFilter='attribute/email co "old.example"') == ["bjensen"]
    assert await names(server, objects, _queryFilter='idmBefore/memberOf eq "staff"') == ["scarter"]
    ordered = await names(server, objects, _sortKeys="-principal", _pageSize="2")
    assert ordered == ["scarter", "quiet"]


async def test_one_object_is_shown_before_and_after(server: Server) -> None:
    await add_run(server.runtime.database)
    found = await server.get("reconciliation/history/night-1/object/1")
    assert found["caseText"] == "Exists in both, different"
    mail = found["attributes"][0]
    assert mail == {
        "name": "mail / email",
        "idmBefore": "bjensen@example.com",
        "idmAfter": "bjensen@example.com",
        "resourceBefore": "barbara@old.example.com",
        "resourceAfter": "bjensen@example.com",
        "differs": True,
        "changed": True,
    }


async def test_a_run_is_forgotten_once_it_has_ended(server: Server) -> None:
    await add_run(server.runtime.database)
    await add_run(server.runtime.database, "active", ended=None, status="STARTED")
    answer = await server.call("DELETE", "reconciliation/history/active")
    assert (answer.status_code, answer.json()["message"]) == (
        409,
        "The run active of hr is under way; stop it first",
    )
    assert (await server.call("DELETE", "reconciliation/history/night-1")).status_code == 200
    assert await names(server, "reconciliation/history") == ["active"]


async def test_a_wrong_question_is_told_what_is_wrong(server: Server) -> None:
    await add_run(server.runtime.database)
    for path, status in (
        ("reconciliation/history", 400),
        ("reconciliation/history/nobody", 404),
        ("reconciliation/history/nobody/object?_queryFilter=true", 404),
        ("reconciliation/history/night-1/object", 400),
        ("reconciliation/history/night-1/object/99", 404),
        ("reconciliation/history/night-1/object/x", 404),
        ("reconciliation/history?_queryFilter=nonsense", 400),
        ("reconciliation/history?_queryId=mine", 400),
        ("reconciliation/history?_queryFilter=true&_pageSize=2&_pagedResultsCookie=x", 400),
    ):
        answer = await server.call("GET", path)
        assert answer.status_code == status, path
        assert answer.json()["message"]
